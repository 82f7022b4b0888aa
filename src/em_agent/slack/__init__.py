"""Slack: its requests are taken as jobs, answered by a worker, and incidents are announced.

Slack's libraries are imported where they are needed, and not before: a product without Slack does not carry them.
"""
