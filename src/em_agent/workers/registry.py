"""Every durable consumer by its name."""

from pathlib import Path

from nats.aio.client import Client

from em_agent.configuration import Configuration
from em_agent.domain.consumers import INCIDENTS, WAREHOUSE
from em_agent.kit.postgres import Pool
from em_agent.workers.consume import Consumer
from em_agent.workers.incidents import incidents_consumer
from em_agent.workers.warehouse import Warehouse


def build_consumer(  # noqa: PLR0913 - what consumers work with
    name: str,
    pool: Pool,
    client: Client,
    *,
    database_url: str,
    work_dir: Path,
    replicas: int,
    configuration: Configuration,
) -> Consumer:
    """The consumer of that name; `work_dir` is for files that it needs while it runs.

    Raises:
        KeyError: there is none of that name.

    """
    if name == INCIDENTS:
        return incidents_consumer(pool, client, replicas=replicas)
    if name == WAREHOUSE:
        return Warehouse(database_url, work_dir, configuration).consumer()
    raise KeyError(name)
