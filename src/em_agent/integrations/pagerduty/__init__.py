"""PagerDuty: webhooks V3."""
