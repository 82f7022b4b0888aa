"""The one statement that answers a query, with its arguments. Nothing that a caller sends becomes part of the text."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from em_agent.metrics.buckets import Buckets
from em_agent.metrics.layout import MOST_GROUPS
from em_agent.metrics.models import PERCENTILES
from em_agent.metrics.query import Query

_OCCURRED = """
    SELECT f.triggered_at, f.resolved_at, f.acknowledged_at,
        f.time_to_acknowledge_seconds, f.time_to_resolve_seconds, f.active_seconds,
        f.reopen_count > 0 AS is_reopened, f.escalation_count > 0 AS is_escalated, f.is_auto_resolved, f.is_merged,
        f.is_priority_raised, f.is_handed_over, f.is_impossible, f.urgency{columns}
    FROM warehouse.fct_incidents AS f
"""

# What the notebook's query counts: webhooks by their receipt, whatever the state; negative spans stay.
_RECEIVED = """
    SELECT r.triggered_at, r.resolved_at, r.acknowledged_at,
        extract(epoch FROM r.acknowledged_at - r.triggered_at)::double precision AS time_to_acknowledge_seconds,
        extract(epoch FROM r.resolved_at - r.triggered_at)::double precision AS time_to_resolve_seconds,
        NULL::double precision AS active_seconds,
        f.reopen_count > 0 AS is_reopened, f.escalation_count > 0 AS is_escalated, f.is_auto_resolved, f.is_merged,
        f.is_priority_raised, f.is_handed_over, false AS is_impossible, f.urgency{columns}
    FROM warehouse.fct_incidents_received AS r
    LEFT JOIN warehouse.fct_incidents AS f ON f.incident_id = r.document_id
"""

# Incidents without a trigger are in no window: all that is counted of them is that they are there.
_INCOMPLETE = """
    SELECT NULL::timestamptz, NULL::timestamptz, NULL::timestamptz,
        NULL::double precision, NULL::double precision, NULL::double precision,
        NULL::boolean, NULL::boolean, NULL::boolean, NULL::boolean,
        NULL::boolean, NULL::boolean, NULL::boolean, f.urgency{columns}
    FROM {source}
"""
_SOURCES = {
    "occurred": "warehouse.fct_incidents AS f",
    "received": "warehouse.fct_incidents_received AS r "
    "LEFT JOIN warehouse.fct_incidents AS f ON f.incident_id = r.document_id",
}

_COUNTS = """
    count(triggered_at) AS incidents,
    count(triggered_at) - count(resolved_at) AS open,
    count(resolved_at) AS resolved,
    count(acknowledged_at) AS acknowledged,
    count(*) FILTER (WHERE is_reopened) AS reopened,
    count(*) FILTER (WHERE is_escalated) AS escalated,
    count(*) FILTER (WHERE is_auto_resolved) AS auto_resolved,
    count(*) FILTER (WHERE is_merged) AS merged,
    count(*) FILTER (WHERE is_priority_raised) AS priority_raised,
    count(*) FILTER (WHERE is_handed_over) AS handed_over,
    count(*) - count(triggered_at) AS incomplete,
    count(*) FILTER (WHERE is_impossible) AS impossible,
    count(triggered_at) FILTER (WHERE urgency = 'high') AS high_urgency"""

DURATIONS = ("time_to_acknowledge_seconds", "time_to_resolve_seconds", "active_seconds")
_TARGETS = {"acknowledged_within": "time_to_acknowledge_seconds", "resolved_within": "time_to_resolve_seconds"}
_FRACTIONS = ", ".join(str(fraction) for _, fraction in PERCENTILES)

# The dimension of what may group or filter by a reference: the name shown is the newest of its id. An incident has the
# reference's key: its id, or its name where it has no id.
_DIMENSIONS = {"service": "dim_services", "priority": "dim_priorities", "escalation_policy": "dim_escalation_policies"}


@dataclass(slots=True)
class Statement:
    """SQL text and the arguments of its placeholders."""

    text: str = ""
    arguments: list[object] = field(default_factory=list)

    def place(self, value: object) -> str:
        """The placeholder of a new argument."""
        self.arguments.append(value)
        return f"${len(self.arguments)}"


def build(query: Query, buckets: Buckets | None) -> Statement:
    """The statement for the query: one row a group, with its labels `label_0`, ..., and its `bucket`, from 1."""
    statement = Statement()
    source = (_OCCURRED if query.clock == "occurred" else _RECEIVED).format(columns=_label_columns(query))
    facts = _facts(statement, query, source, with_incomplete=buckets is None)
    within = "".join(_within(statement, name, seconds) for name, seconds in query.targets.items())
    columns, joins = _labels(query)
    keys = [f"label_{n}" for n in range(len(columns))]
    shown = [f'{column} COLLATE "C" AS {key}' for column, key in zip(columns, keys, strict=True)]
    if buckets:
        starts = statement.place(list(buckets.starts))
        shown.append(f"width_bucket(facts.{query.attribute_by}_at, {starts}::timestamptz[]) AS bucket")
        keys.append("bucket")
    labelled = f"SELECT facts.*{''.join(f', {column}' for column in shown)} FROM facts {' '.join(joins)}"
    durations = ", ".join((_no_duration if query.counts_only else duration_columns)(name) for name in DURATIONS)
    select = f"SELECT {''.join(f'{key}, ' for key in keys)}{_COUNTS}{within}, {durations} FROM labelled"
    group = f" GROUP BY {', '.join(keys)}" if keys else ""
    statement.text = f"WITH facts AS ({facts}), labelled AS ({labelled}) {select}{group} LIMIT {MOST_GROUPS + 1}"
    return statement


def duration_columns(name: str) -> str:
    """The aggregates of the column that `read_duration` reads."""
    return (
        f"count({name}) AS {name}_count, avg({name}) AS {name}_mean, "
        f"percentile_cont(ARRAY[{_FRACTIONS}]) WITHIN GROUP (ORDER BY {name}) AS {name}_percentiles"
    )


def _no_duration(name: str) -> str:
    return f"0 AS {name}_count, NULL AS {name}_mean, NULL AS {name}_percentiles"


def _within(statement: Statement, name: str, seconds: float | None) -> str:
    """The count of the incidents whose duration is no longer; null where nothing asks for it."""
    if seconds is None:
        return f", NULL::bigint AS {name}"
    longest = statement.place(seconds)
    return f", count(*) FILTER (WHERE {_TARGETS[name]} <= {longest}::double precision) AS {name}"


def _facts(statement: Statement, query: Query, source: str, *, with_incomplete: bool) -> str:
    alias = "f" if query.clock == "occurred" else "r"
    conditions = "".join(f" AND {condition}" for condition in filters(statement, query))
    moment = f"{alias}.{query.attribute_by}_at"
    window = f"{moment} >= {statement.place(query.since)} AND {moment} < {statement.place(query.until)}"
    inside = f"{source} WHERE {window} AND {alias}.triggered_at IS NOT NULL{conditions}"
    if not with_incomplete:
        return inside
    incomplete = _INCOMPLETE.format(source=_SOURCES[query.clock], columns=_label_columns(query))
    return f"{inside} UNION ALL {incomplete} WHERE {alias}.triggered_at IS NULL{conditions}"


def filters(statement: Statement, query: Query) -> list[str]:
    """The conditions on an incident `f` that the query's filters make, over the marts."""
    conditions = [
        by_reference(statement, name, values)
        for name, values in (("service", query.services), ("priority", query.priorities))
        if values
    ]
    if query.teams:
        given = f"{statement.place(list(query.teams))}::text[]"
        conditions.append(
            f"(f.team_ids && ARRAY(SELECT team_id FROM warehouse.dim_teams WHERE team_id = ANY ({given}) "
            f"OR team_name = ANY ({given})) OR EXISTS (SELECT FROM unnest(f.team_ids, f.team_names) AS t (id, name) "
            f"WHERE t.id IS NULL AND t.name = ANY ({given})))"
        )
    if query.urgencies:
        conditions.append(by_urgency(statement, query.urgencies))
    if query.exclude_merged:
        conditions.append("f.is_merged IS NOT TRUE")
    return conditions


def by_reference(statement: Statement, name: str, values: Sequence[str]) -> str:
    """The condition that the service or priority of an incident `f` is any of the values, ids or names."""
    given = f"{statement.place(list(values))}::text[]"
    return (
        f"(f.{name}_key = ANY ({given}) OR f.{name}_key = ANY (ARRAY("
        f"SELECT {name}_id FROM warehouse.{_DIMENSIONS[name]} WHERE {name}_name = ANY ({given}))))"
    )


def by_urgency(statement: Statement, urgencies: Sequence[str]) -> str:
    """The condition that the urgency of an incident `f` is any of these."""
    return f"f.urgency = ANY ({statement.place(list(urgencies))}::text[])"


def _label_columns(query: Query) -> str:
    names = {"team": ("team_ids", "team_names"), **{name: (f"{name}_key",) for name in _DIMENSIONS}}
    return "".join(f", f.{column}" for label in query.labels for column in names.get(label, ()))


def _labels(query: Query) -> tuple[list[str], list[str]]:
    """What each label shows, and the joins that it needs."""
    columns, joins = [], []
    for name in query.labels:
        if name == "urgency":
            columns.append("facts.urgency")
        elif name == "team":
            columns.append("team.label")
            joins.append(
                "LEFT JOIN LATERAL (SELECT DISTINCT coalesce(d.team_name, t.name, t.id) AS label "
                "FROM unnest(facts.team_ids, facts.team_names) AS t (id, name) "
                "LEFT JOIN warehouse.dim_teams AS d ON d.team_id = t.id) AS team ON true"
            )
        else:
            columns.append(f"coalesce({name}.{name}_name, facts.{name}_key)")
            joins.append(f"LEFT JOIN warehouse.{_DIMENSIONS[name]} AS {name} ON {name}.{name}_id = facts.{name}_key")
    return columns, joins
