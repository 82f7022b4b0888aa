"""What the gateway counts, for Prometheus, and the line that it logs for each request."""

from functools import lru_cache

import structlog
from prometheus_client import Counter, Histogram

from em_agent.gateway.http import Reply

DELIVERIES = Counter(
    "em_agent_deliveries_total", "Webhook requests, by what became of them.", ["source", "event_type", "outcome"]
)
STORE_SECONDS = Histogram(
    "em_agent_store_seconds",
    "Time from a delivery's arrival in the queue to its commit.",
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
)

# The counter of some labels, found once: the names in them are ours, not the sender's.
_counter = lru_cache(maxsize=1024)(DELIVERIES.labels)


class AnswerLog:
    """Counts each answer, and writes its line in the log."""

    def __init__(self) -> None:
        """Bind the logger once: a line for each delivery goes without the lazy logger's look-up."""
        self._log = structlog.get_logger().bind()

    def tell(self, source: str, event_type: str, delivery_id: str | None, reply: Reply, seconds: float) -> None:
        """Note what a request was answered after so many seconds."""
        _counter(source, event_type, reply.outcome).inc()
        self._log.info(
            "webhook.answered",
            source=source,
            event_type=event_type,
            delivery_id=delivery_id,
            outcome=reply.outcome,
            status=reply.status,
            milliseconds=round(seconds * 1000, 1),
        )
