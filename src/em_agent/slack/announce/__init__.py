"""Incidents told of without being asked: a message for each, kept up to date, with a thread of what happens."""
