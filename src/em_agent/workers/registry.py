"""Every durable consumer by its name."""

from nats.aio.client import Client

from em_agent.domain.consumers import INCIDENTS
from em_agent.kit.postgres import Pool
from em_agent.workers.consume import Consumer
from em_agent.workers.incidents import incidents_consumer


def build_consumer(name: str, database_url: str, pool: Pool, client: Client, *, replicas: int) -> Consumer:
    """The consumer of that name."""
    if name == INCIDENTS:
        return incidents_consumer(pool, client, replicas=replicas)
    raise KeyError(name)
