"""The pages: one module each, with what it shows and what its numbers lead to."""
