"""Reads what other systems keep, over their APIs."""
