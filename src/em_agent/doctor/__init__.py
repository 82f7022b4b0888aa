"""Looks at a running installation and says what is wrong, empty or stale, and what to do about it."""
