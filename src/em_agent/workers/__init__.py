"""Durable consumers: one module for each."""
