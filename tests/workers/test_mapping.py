"""The mapping of services, from the configuration file to the marts."""

import asyncio
from datetime import UTC, datetime, timedelta

from em_agent.configuration import Configuration
from em_agent.workers.mapping import names_of, store_mapping
from tests.marts import Transformer, fetch
from tests.warehouse.deliveries import Incident, State, World, rows, store_rows

AT = datetime(2026, 3, 1, 10, tzinfo=UTC)
LINKS = "SELECT deployment_key, method FROM warehouse.fct_incident_deployments"


def configured(**services: object) -> Configuration:
    """A file that maps the service Payments, and looks two hours back."""
    return Configuration.model_validate(
        {"services": [{"name": "Payments", **services}], "dora": {"change_window_hours": 2}}
    )


def test_names() -> None:
    """A service is known by its names in each tool and by its own; what one claims, none has by another's name."""
    services = Configuration.model_validate(
        {
            "services": [
                {"name": "A", "pagerduty": ["P1", "B api"], "repositories": "acme/A"},
                {"name": "B", "deployments": ["b API"], "jira": "CHK"},
            ]
        }
    ).services
    assert names_of(services) == {
        ("pagerduty", "p1", "A"), ("pagerduty", "b api", "A"), ("pagerduty", "a", "A"), ("pagerduty", "b", "B"),
        ("deployment", "b api", "B"), ("deployment", "a", "A"), ("deployment", "b", "B"), ("deployment", "p1", "A"),
        ("repository", "acme/a", "A"), ("jira", "chk", "B"),
    }  # fmt: skip


def test_a_new_mapping_is_applied_to_all_that_was(database_url: str, transformer: Transformer) -> None:
    """Once the file maps a repository and a PagerDuty service, older deployments and incidents are its own, at once."""
    world = World(
        states=[State("github", "7", "", "production", "success", AT, repository="acme/checkout")],
        incidents=[Incident("P1", 1, "Money", "slow", AT + timedelta(hours=1))],
    )
    store_rows(database_url, rows(world))
    transformer.run()
    services = "SELECT service, service_key FROM warehouse.fct_deployments"
    assert fetch(database_url, services) == [{"service": "checkout", "service_key": "checkout"}]
    assert fetch(database_url, LINKS) == []
    mapping = configured(pagerduty="money", repositories="Acme/Checkout")
    assert asyncio.run(store_mapping(database_url, mapping))
    assert not asyncio.run(store_mapping(database_url, mapping))
    ran = transformer.run().rows
    assert fetch(database_url, services) == [{"service": "Payments", "service_key": "payments"}]
    assert fetch(database_url, LINKS) == [{"deployment_key": "github:7", "method": "window"}]
    assert "fct_incidents" not in ran
    oid = "SELECT 'warehouse.fct_deployments'::regclass::oid AS oid"
    before = fetch(database_url, oid)
    transformer.run()
    assert fetch(database_url, oid) == before
