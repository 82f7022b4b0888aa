"""Moves recorded events from the outbox to JetStream."""
