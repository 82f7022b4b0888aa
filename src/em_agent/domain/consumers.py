"""The durable consumers that an event must pass before the outbox lets it go."""

INCIDENTS = "incidents"
WAREHOUSE = "warehouse"
CONSUMERS = (INCIDENTS, WAREHOUSE)

# No consumer of events: it works on what Slack asks.
SLACK = "slack"

STREAM = "EVENTS"
SUBJECT_PREFIX = "events"
DEAD_LETTER_STREAM = "DEAD_LETTERS"
DEAD_LETTER_PREFIX = "dead_letters"
