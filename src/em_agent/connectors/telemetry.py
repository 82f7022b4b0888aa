"""What the crawls count, for Prometheus."""

from prometheus_client import Counter

from em_agent.events.crawls import CrawlRun

REQUESTS = Counter("em_agent_pagerduty_requests_total", "Requests to PagerDuty, by what became of them.", ["outcome"])
CRAWLS = Counter("em_agent_crawls_total", "Crawls that ended, by how.", ["mode", "state"])
INCIDENTS = Counter("em_agent_crawled_incidents_total", "Incidents that crawls read.")


def count_request(outcome: str) -> None:
    """Count a request."""
    REQUESTS.labels(outcome).inc()


def count_run(run: CrawlRun, fetched_before: int) -> None:
    """Count a run that ended."""
    CRAWLS.labels(run.mode, run.state).inc()
    INCIDENTS.inc(max(0, run.fetched - fetched_before))
