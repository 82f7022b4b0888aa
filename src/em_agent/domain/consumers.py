"""The durable consumers that an event must pass before the outbox lets it go, and the other workers."""

INCIDENTS = "incidents"
WAREHOUSE = "warehouse"
CONSUMERS = (INCIDENTS, WAREHOUSE)

# What a worker may be: a durable consumer, or the one that works on what the consumer of incidents leaves to do.
SEARCH = "search"
WORKERS = (*CONSUMERS, SEARCH)
# One more, where Slack is set up.
SLACK = "slack"

STREAM = "EVENTS"
SUBJECT_PREFIX = "events"
DEAD_LETTER_STREAM = "DEAD_LETTERS"
DEAD_LETTER_PREFIX = "dead_letters"
