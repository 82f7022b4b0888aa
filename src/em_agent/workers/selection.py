"""Which models a run of dbt has to look at, so that its cost follows what is new and not the number of models."""

from collections.abc import Sequence
from typing import Any

# A vendor's sources, such as pagerduty and pagerduty_api, are read by the staging models in the folder of its name. An
# event stays in the outbox until a run that began after it has ended well, so that none is missed.
_VENDORS = "SELECT DISTINCT split_part(source, '_', 1) FROM outbox"
_VIEWS = "SELECT count(*) FROM pg_views WHERE schemaname = 'warehouse' AND viewname = ANY(%s)"
_LAST = "freshness"
_REMAPPED = "SELECT version FROM delivery_settings WHERE version <> built_version"
# What rests on the mapping of services.
MAPPED = ("delivery",)


def of_new_events(cursor: Any, manifest: Any) -> list[str] | None:  # noqa: ANN401 - psycopg2's and dbt's own
    """The arguments of dbt that select what is made of the outbox's events; None where nothing is new.

    Views need no run unless one is missing, as after a table below it was dropped by hand.
    """
    cursor.execute(_VENDORS)
    vendors = sorted(vendor for (vendor,) in cursor.fetchall())
    if not vendors:
        return None
    views = [node.name for node in manifest.nodes.values() if node.config.materialized == "replaced_view"]
    cursor.execute(_VIEWS, (views,))
    has_views = cursor.fetchone() == (len(views),)
    without = ["--exclude", "config.materialized:replaced_view"] if has_views else []
    return ["--select", *(f"em_agent.staging.{vendor}+" for vendor in vendors), _LAST, *without]


def of_tags(tags: Sequence[str]) -> list[str]:
    """The arguments of dbt that select the models with any of the tags, and what is made of them; all without tags."""
    return ["--select", *(f"tag:{tag}+" for tag in tags), _LAST] if tags else []


def mapping_to_apply(cursor: Any) -> int | None:  # noqa: ANN401 - psycopg2's own
    """The version of the mapping of services that the models were not built with yet; None where they were."""
    cursor.execute(_REMAPPED)
    row = cursor.fetchone()
    return None if row is None else int(row[0])


def note_applied(cursor: Any, version: int) -> None:  # noqa: ANN401 - psycopg2's own
    """Note that the models were built with this version of the mapping."""
    cursor.execute("UPDATE delivery_settings SET built_version = %s", (version,))
