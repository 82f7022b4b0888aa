"""Bodies that are JSON and little else."""

import json
import random
from datetime import UTC, datetime

import pytest

from em_agent.errors import RetriableError
from tests.marts import Transformer, body, execute, fetch, store

RECEIVED = datetime(2026, 3, 1, 10, tzinfo=UTC)
NUMBER = "1e999999"
DEEP = "[" * 2000 + "]" * 2000
# What nothing makes shorter, and no index takes: four bytes each.
LONG = "".join(chr(random.Random(n).randrange(0x10000, 0x10FFFF)) for n in range(5_000))
BLANK = json.dumps(" ".join(filter(str.isspace, map(chr, range(0x10000)))))
VALUES = (
    "null", "true", "0", "-1", "1.5", NUMBER, "-" + NUMBER, '""', '" "', '"x"', "[]", "{}", "[null]", '[{"id":{}}]',
    '{"id":[]}', '{"id":1e5}', '{"id":"","summary":""}', '{"type":1}', '{"id":"a","id":null}', '"' + "é" * 70_000 + '"',
    '{"id":"' + "i" * 9000 + '","summary":"' + "n" * 90_000 + '"}', DEEP, "12345678901234567890123", '"9999-12-31T23:59:59-14:00"',
    '"0001-01-01T00:00:00+14:00"', '"2026-02-30T00:00:00Z"', '"\\u0001\\n%s{{ }}\'\\"\\\\"', '{"summary":"P' + "9" * 400 + '"}',
    '{"id":"a","summary":"P٣"}', '[[{"id":"a"}],{"id":"b","summary":null},{"summary":"c"},{"id":-7}]',
    '{"id":"' + LONG[:200] + '","summary":"' + LONG + '"}', '[{"id":"' + LONG[:200] + '","name":"' + LONG + '"}]', '{"summary":"' + LONG + '"}',
    '{"id":"a","summary":' + BLANK + "}", '[{"summary":' + BLANK + '},{"id":"b","summary":"\\t","name":" c\\n"}]',
    '{"id":"a","summary":"' + " " * 400 + 'x","name":"a\\n\\nb"}', '{"summary":"\\u200b"}',
)  # fmt: skip
FIELDS = (
    "id", "type", "incident", "number", "incident_number", "title", "urgency", "service", "teams", "priority",
    "escalation_policy", "created_at", "resolve_reason", "html_url", "incident_role_assignments", "status", "assignees",
)  # fmt: skip
KINDS = (
    "incident.triggered",
    "incident.acknowledged",
    "incident.resolved",
    "incident.annotated",
    "incident.",
    "incident.x\\ny",
)


def odd_bodies() -> list[str]:
    """Every odd value in every place that is read."""
    bodies = []
    for n, value in enumerate(VALUES):
        kind = KINDS[n % len(KINDS)]
        for field in FIELDS:
            rest = "" if field == "id" else ',"id":"PODD"'
            bodies.append(f'{{"event":{{"event_type":"{kind}","data":{{"{field}":{value}{rest}}}}}}}')
        bodies.append(f'{{"event":{{"event_type":"{kind}","data":{value}}}}}')
        bodies.append(f'{{"event":{{"event_type":{value},"data":{{"id":"PODD"}}}}}}')
        bodies.append(f'{{"event":{{"event_type":"{kind}","agent":{value},"data":{{"id":"PODD","type":"incident"}}}}}}')
        bodies.append(f'{{"event":{value}}}')
        bodies.append(f'{{"odd":{value}}}')
    for reference in (f'{{"summary":"{LONG}"}}', f'{{"id":"{LONG[:200]}","summary":"{LONG}"}}'):
        named = ",".join(f'"{name}":{reference}' for name in ("service", "priority", "escalation_policy"))
        data = f'{{"id":"PODD",{named},"teams":[{reference}],"created_at":"2026-03-01T10:00:00Z"}}'
        bodies.append(f'{{"event":{{"event_type":"incident.triggered","data":{data}}}}}')
    bodies.append('{"event":{"event_type":"incident.triggered","data":{"id":"PDOUBLE","id":"PLAST"}},"event":{}}')
    bodies.append('  {"event":{"event_type":"incident\\u002etriggered","data":{"id":"PESCAPED"}}}\n')
    return bodies


def odd_readings() -> list[tuple[str, str]]:
    """Every odd value in every place that is read of what REST gave, with the source."""
    found = []
    for value in VALUES:
        for field in (
            "id",
            "type",
            "incident",
            "agent",
            "user",
            "channel",
            "note",
            "priority",
            "incident_role_assignments",
        ):
            rest = "".join(
                f',"{name}":{text}'
                for name, text in (("type", '"resolve_log_entry"'), ("incident", '{"id":"PODD"}'))
                if name != field
            )
            found.append(("pagerduty_api", f'{{"{field}":{value}{rest}}}'))
        for field in (*FIELDS, "resolved_at", "last_status_change_at", "last_status_change_by", "assignments"):
            rest = "" if field == "id" else ',"id":"PODD"'
            for status in ("resolved", "triggered"):
                stated = "" if field == "status" else f',"status":"{status}"'
                times = '"resolved_at":"2026-03-01T10:00:00Z","last_status_change_at":"2026-03-01T10:30:00Z"'
                found.append(
                    (
                        "pagerduty_snapshot",
                        f'{{"incident":{{{times},"{field}":{value}{rest}{stated}}},"has_log":false}}',
                    )
                )
        for field in ("id", "content", "user", "created_at"):
            rest = "" if field == "content" else ',"content":"x"'
            found.append(("pagerduty_snapshot", f'{{"incident":{{"id":"PODD"}},"note":{{"{field}":{value}{rest}}}}}'))
        found.append(("pagerduty_snapshot", f'{{"incident":{value},"has_log":true}}'))
        found.append(("pagerduty_snapshot", f'{{"incident":{{"id":"PODD","status":"resolved"}},"has_log":{value}}}'))
        found.append(("pagerduty_snapshot", f'{{"incident":{{"id":"PODD"}},"note":{value}}}'))
        found.append(("pagerduty_api", value))
        found.append(("pagerduty_snapshot", value))
    return found


def test_odd_bodies_stop_nothing(database_url: str, transformer: Transformer) -> None:
    """No body, however odd, stops a run, and the incidents beside it have their figures."""
    sound = {"id": "PSOUND", "type": "incident"}
    store(
        database_url,
        [
            ("sound-1", body("incident.triggered", sound), RECEIVED, RECEIVED),
            *((f"odd-{n}", text, None, RECEIVED) for n, text in enumerate(odd_bodies())),
            ("sound-2", body("incident.resolved", sound), RECEIVED.replace(minute=10), RECEIVED),
        ],
    )
    transformer.run()
    transformer.run()
    rows = {row["incident_id"]: row for row in fetch(database_url, "SELECT * FROM warehouse.fct_incidents")}
    assert rows["PSOUND"]["time_to_resolve_seconds"] == 600
    assert "PESCAPED" in rows
    assert not {"PDOUBLE", "PLAST"} & rows.keys()
    assert all(1 <= len(key) <= 200 for key in rows)
    staged = fetch(database_url, "SELECT count(*) AS n FROM warehouse.stg_pagerduty__incident_events")
    assert staged[0]["n"] > len(VALUES) * len(FIELDS)


def test_what_json_functions_refuse_is_left_out(database_url: str, transformer: Transformer) -> None:
    """A row that casts to json but cannot be read, as another writer may leave it, is passed over."""
    store(
        database_url,
        [("nul", '{"event":{"event_type":"incident.triggered","data":{"id":"P\\u0000"}}}', None, RECEIVED)],
    )
    store(
        database_url,
        [("sound", json.dumps({"event": {"event_type": "incident.triggered", "data": {"id": "P1"}}}), None, RECEIVED)],
    )
    transformer.run()
    assert [row["incident_id"] for row in fetch(database_url, "SELECT incident_id FROM warehouse.fct_incidents")] == [
        "P1"
    ]


def test_times_out_of_range_are_unknown(database_url: str) -> None:
    """A time is read to the microsecond with its offset, or is null."""
    cases = {
        "2026-03-01T10:00:00.123Z": "2026-03-01T10:00:00.123000+00:00",
        "2026-03-01 10:00:00,1234567+05:30": "2026-03-01T04:30:00.123456+00:00",
        "2026-03-01t10:00:00z": "2026-03-01T10:00:00+00:00",
        "2026-03-01T10:00:00": "2026-03-01T10:00:00+00:00",
        "2026-03-01T10:00:00-0330": "2026-03-01T13:30:00+00:00",
        "2026-02-29T10:00:00Z": None,
        "2026-03-01T24:00:00Z": None,
        "2026-03-01T10:00:60Z": None,
        "0000-12-31T10:00:00Z": None,
        "0001-01-01T00:00:00+01:00": None,
        "9999-12-31T23:59:59-01:00": None,
        "2026-03-01": None,
        "now": None,
        "infinity": None,
        "": None,
        "٢٠٢٦-03-01T10:00:00Z": None,
    }
    for text, expected in cases.items():
        row = fetch(database_url, "SELECT warehouse.read_time($1) AS at", text)[0]
        assert (row["at"].isoformat() if row["at"] else None) == expected, text


def test_a_run_that_broke_off_is_made_up_for(database_url: str, transformer: Transformer) -> None:
    """What a run had staged before it broke off is in the marts after the next, though the outbox is empty."""
    for name, kind in (("One", "triggered"), ("New", "resolved")):
        data = {"id": "P1", "service": {"id": "S1", "summary": name}}
        store(database_url, [(kind, body(f"incident.{kind}", data), None, RECEIVED)])
        if kind == "resolved":
            execute(
                database_url,
                "CREATE FUNCTION break_off() RETURNS trigger LANGUAGE plpgsql AS "
                "$$ BEGIN RAISE EXCEPTION 'terminating'; END $$; "
                "CREATE TRIGGER t BEFORE INSERT ON warehouse.dim_services EXECUTE FUNCTION break_off(); "
                "CREATE TRIGGER t BEFORE INSERT ON warehouse.fct_incident_episodes EXECUTE FUNCTION break_off(); "
                "CREATE TRIGGER t BEFORE INSERT ON warehouse.fct_incidents_received EXECUTE FUNCTION break_off()",
            )
            with pytest.raises(RetriableError, match="terminating"):
                transformer.run()
            execute(database_url, "DROP FUNCTION break_off CASCADE; DELETE FROM outbox")
            assert fetch(database_url, "SELECT status FROM warehouse.fct_incidents") == [{"status": "triggered"}]
        transformer.run()
    assert fetch(database_url, "SELECT status, service_name FROM warehouse.fct_incidents") == [
        {"status": "resolved", "service_name": "New"}
    ]
    assert fetch(database_url, "SELECT service_name FROM warehouse.dim_services") == [{"service_name": "New"}]
    assert fetch(database_url, "SELECT resolved_at FROM warehouse.fct_incidents_received") == [
        {"resolved_at": RECEIVED}
    ]
