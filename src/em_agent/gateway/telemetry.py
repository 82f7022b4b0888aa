"""What the gateway counts, for Prometheus."""

from prometheus_client import Counter, Histogram

DELIVERIES = Counter(
    "em_agent_deliveries_total", "Webhook requests, by what became of them.", ["source", "event_type", "outcome"]
)
STORE_SECONDS = Histogram(
    "em_agent_store_seconds",
    "Time from a delivery's arrival in the queue to its commit.",
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
)
