"""Wrappers around Postgres, NATS, JSON and logging that know nothing of incidents."""
