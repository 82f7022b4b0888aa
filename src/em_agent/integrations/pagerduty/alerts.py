"""What the alerts of an incident say, as REST gives them.

{"id": "PT4KHLK", "type": "alert", "summary": "Disk full on db-3", "created_at": "2026-03-01T10:00:00Z",
 "body": {"type": "alert_body", "details": {"error": "No space left on device", "host": "db-3"}}}

What a details field is called is up to whoever sent it.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime

from em_agent.domain.times import parse_time
from em_agent.integrations.pagerduty.objects import mapping, read_text

# The many alerts of a storm say the same.
MOST = 10
LONGEST = 2_000


def read_alerts(alerts: object) -> list[tuple[str, datetime | None]]:
    """The text of each alert that says something else than those before it, and when it came; the first few."""
    found: dict[str, datetime | None] = {}
    for alert in map(mapping, alerts if isinstance(alerts, Sequence) else ()):
        body = mapping(alert.get("body"))
        lines = [read_text(alert.get("summary")), *_lines(body.get("details"))]
        text = "\n".join(line for line in lines if line)[:LONGEST].strip()
        if text and text not in found and len(found) < MOST:
            found[text] = parse_time(alert.get("created_at"))
    return list(found.items())


def _lines(details: object) -> Iterator[str]:
    """What was sent along: a text, or fields, of which those that are of fields again are left out."""
    if isinstance(details, str):
        yield details
    for name, value in mapping(details).items():
        if isinstance(value, str | int | float) and str(value).strip():
            yield f"{name}: {value}"
