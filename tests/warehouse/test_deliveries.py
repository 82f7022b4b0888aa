"""The marts of deliveries against a made-up time whose truth is known."""

import random
from typing import Any

import pytest

from tests.marts import Transformer, execute, fetch
from tests.warehouse.deliveries import World, make_world, rows, store_rows
from tests.warehouse.delivery_truth import true_branches, true_commits, true_deployments, true_links

MARTS = (
    "fct_deployments", "fct_deployed_commits", "fct_incident_deployments", "fct_changes", "int_pushes__sequenced",
    "int_commits__placed", "int_deployments__located", "int_incidents__worded", "int_incidents__linked",
)  # fmt: skip


def compare(url: str, world: World) -> None:
    """Every mart has what is true, and nothing else."""
    deployments = {row["deployment_key"]: row for row in fetch(url, "SELECT * FROM warehouse.fct_deployments")}
    truth = true_deployments(world)
    assert deployments.keys() == truth.keys()
    for key, deployment in truth.items():
        row = deployments[key]
        assert {
            "service_key": deployment.service, "environment_key": deployment.environment, "sha": deployment.sha,
            "status": deployment.status, "kind": deployment.kind, "finished_at": deployment.finished_at,
            "rollback_of_key": deployment.rollback_of, "incident_id": deployment.incident_id,
        }.items() <= row.items(), row  # fmt: skip
    placed = fetch(url, "SELECT repository, sha, position FROM warehouse.int_commits__placed")
    assert {(row["repository"], row["sha"], row["position"]) for row in placed} == {
        (name, sha, place) for name, branch in true_branches(world).items() for sha, place in branch.places.items()
    }
    commits = fetch(url, "SELECT deployment_key, sha, lead_seconds FROM warehouse.fct_deployed_commits")
    found = {(row["deployment_key"], row["sha"], row["lead_seconds"]) for row in commits}
    assert len(found) == len(commits)
    assert found == true_commits(world)
    links = {
        (row["incident_id"], row["environment_key"]): (row["deployment_key"], row["method"], row["confidence"])
        for row in fetch(url, "SELECT * FROM warehouse.fct_incident_deployments")
    }
    true = true_links(world)
    assert {key: link[:2] for key, link in links.items()} == {key: link[:2] for key, link in true.items()}
    assert {key: link[2] for key, link in links.items()} == pytest.approx({key: link[2] for key, link in true.items()})


def contents(url: str) -> dict[str, list[dict[str, Any]]]:
    """Every mart without what depends on the order of arrival."""
    unstable = {"transformed_at", "event_id"}
    return {
        name: sorted(
            ({k: v for k, v in row.items() if k not in unstable} for row in fetch(url, f"SELECT * FROM warehouse.{name}")),
            key=repr,
        )
        for name in MARTS
    }  # fmt: skip


def test_marts_are_the_truth(database_url: str, transformer: Transformer) -> None:
    """Deployments, the commits that they brought and their incidents are exactly as they happened."""
    world = make_world(1, pushes=120, deployments=300, incidents=150)
    deliveries = rows(world)
    random.Random(1).shuffle(deliveries)
    store_rows(database_url, deliveries)
    transformer.run()
    compare(database_url, world)


def test_any_order_in_any_runs(database_url: str, transformer: Transformer) -> None:
    """Deliveries in any order, taken in by several runs, give the truth, and the same as all of them at once."""
    world = make_world(2, pushes=40, deployments=90, incidents=60)
    rng = random.Random(2)
    rest = rows(world)
    rng.shuffle(rest)
    while rest:
        size = rng.choice((1, 30, 90, 200))
        part, rest = rest[:size], rest[size:]
        store_rows(database_url, part)
        transformer.run()
        execute(database_url, "DELETE FROM outbox")
    compare(database_url, world)
    by_slices = contents(database_url)
    transformer.run(full_refresh=True)
    assert contents(database_url) == by_slices
