"""What is counted of Slack, for Prometheus."""

from prometheus_client import Counter

REQUESTS = Counter(
    "em_agent_slack_requests_total", "Signed requests of Slack's, by kind and what became of them.", ["kind", "outcome"]
)
