"""Runs PostgreSQL, nats-server and every role as one process tree on one machine."""
