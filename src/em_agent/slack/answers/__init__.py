"""What is answered: one module for each thing that can be asked."""
