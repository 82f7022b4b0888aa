"""How the events' way through the parts stands: which part answers, what waits, what was set aside."""
