"""Whether deployments and incidents meet."""

import asyncio
from datetime import UTC, datetime, timedelta

from em_agent.doctor.mapping import examine_mapping
from tests.marts import (
    Transformer,
    transformer,  # noqa: F401
)
from tests.marts import bare_url as database_url  # noqa: F401
from tests.warehouse.deliveries import Incident, State, World, rows, store_rows


def told(url: str) -> list[str]:
    """What is found, line by line."""
    return [check.detail for check in asyncio.run(examine_mapping(url))]


def test_what_is_unmapped(database_url: str, transformer: Transformer) -> None:  # noqa: F811
    """Deployments of no PagerDuty service and incidents of none that is deployed are told, with their numbers."""
    assert told(database_url) == []
    transformer.run()
    assert told(database_url) == ["No deployments are known yet: there is nothing to map."]
    now = datetime.now(UTC).replace(microsecond=0)
    days = [now - timedelta(days=n) for n in (1, 2, 40)]
    states = [State("github", str(n), "", "production", "success", at, "acme/api") for n, at in enumerate(days)]
    states += [
        State("deployment", f"d-{n}", service, "production", "success", days[0], None, None)
        for n, service in enumerate(("SEARCH", "Ledger", "ledger", "LEDGER"))
    ]
    incidents = [Incident(f"P{n}", n, "Checkout", "slow", at) for n, at in enumerate(days)]
    incidents.append(Incident("P9", 9, "Search", "slow", days[0]))
    store_rows(database_url, rows(World(states=states, incidents=incidents)))
    transformer.run()
    assert told(database_url) == [
        "service LEDGER: 3 deployments in 30 days match no PagerDuty service.",
        "repository acme/api: 2 deployments in 30 days match no PagerDuty service.",
        "service Checkout: 3 incidents in 90 days, no deployments.",
        "Of 6 deployments in 30 days 6 have no commit that was pushed.",
    ]
