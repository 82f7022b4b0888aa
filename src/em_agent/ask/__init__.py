"""Answers questions from the memory and the metrics, with sources."""
