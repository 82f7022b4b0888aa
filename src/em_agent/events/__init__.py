"""The record of everything received: `events_raw`, the outbox beside it, the quarantine."""
