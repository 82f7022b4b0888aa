"""EM Agent: incident metrics you can trust and explain, for teams that keep PagerDuty."""

__version__ = "0.1.0"
