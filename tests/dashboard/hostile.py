"""What senders may write into an incident, and how much of it: everything that could break a page."""

from datetime import UTC, datetime, timedelta

from em_agent.kit.postgres import Connection
from tests.deliveries import body_of, event, incident, reference
from tests.parts import Gateway

INCIDENTS = 5_000
SERVICES = 400

# Each would raise a dialog, make a request or an element if it were taken for markup.
MARKUP = (
    "<script>alert('title')</script>",
    "<img src=x onerror=alert(1)>",
    '"><svg onload=alert(2)><a href="javascript:alert(3)">click</a>',
    "'-alert(4)-'`${alert(5)}`{{ 7*7 }}{% raw %}",
    "</title></table></script><iframe src='https://evil.example.com/'></iframe>",
    "<style>body{display:none}</style><link rel=stylesheet href=https://evil.example.com/x.css>",
)
LONG = "Extraordinarily" + "-long" * 57
ONE_WORD = "x" * 300
RIGHT_TO_LEFT = "قاعدة البيانات معطلة (checkout-api) منذ 5 دقائق"
OVERRIDE = "safe \u202egnp.exe\u202c and \u2066isolated\u2069 \ufeff zero\u200bwidth"
EMOJI = "🔥🔥 База данных недоступна 数据库宕机 👩🏽‍🚒 e\u0301\u0323\u0316\u0353"
TITLES = (*MARKUP, LONG, ONE_WORD, RIGHT_TO_LEFT, OVERRIDE, EMOJI)
SCRIPT_URL = "javascript:alert('url')"
ODD_SERVICE = '<b onmouseover=alert(6)>Payments & "Co"</b>'
ODD_ID = "P/../?q=<i>&#%41"


async def send_hostile(gateway: Gateway) -> None:
    """Deliver one of each."""
    for place, title in enumerate(TITLES):
        await gateway.store(*_odd(place, title, datetime.now(UTC) - timedelta(minutes=60 - place)))
    await send_endless(gateway)
    await gateway.post(b'{"event": <script>alert("quarantine")</script>')


ENDLESS = "PENDLESS"


async def send_endless(gateway: Gateway) -> None:
    """Deliver an incident, of last year, whose title, names and notes have no end, and of which there are many."""
    at = datetime.now(UTC) - timedelta(days=300)
    who = reference("PUSR8", "user", '<&"' * 3_000)
    fields = incident(
        ENDLESS, title='<&"' * 20_000, created_at=_text(at), assignees=[who],
        service=reference("PENDLESS", "service", "Endless" * 20),
    )  # fmt: skip
    note = {
        "type": "incident_note",
        "content": '<&"🔥' * 5_000,
        "trimmed": False,
        "incident": reference(ENDLESS, "incident"),
    }
    steps = [("triggered", fields), *(("annotated", {**note, "id": f"PN{place}"}) for place in range(80))]
    await gateway.store(
        *(
            body_of(event(kind, occurred_at=_text(at + timedelta(seconds=place)), agent=who, data=data))
            for place, (kind, data) in enumerate(steps)
        )
    )


async def store_many(connection: Connection) -> None:
    """Put a busy day on record, in one statement: 5,000 deliveries take the front door half a minute."""
    start = datetime.now(UTC) - timedelta(hours=20)
    bodies = [_plain(number, start) for number in range(INCIDENTS)]
    await connection.execute(
        "INSERT INTO events_raw (source, event_type, delivery_id, payload, occurred_at, headers) "
        "SELECT 'pagerduty', 'incident.triggered', 'bulk-' || n, body::json, $2::timestamptz + n * interval '14 s', '{}' "
        "FROM unnest($1::text[]) WITH ORDINALITY AS b (body, n)",
        [body.decode() for body in bodies],
        start,
    )
    await connection.execute(
        "INSERT INTO outbox (event_id, source) SELECT id, source FROM events_raw ON CONFLICT DO NOTHING"
    )


def _odd(place: int, title: str, at: datetime) -> list[bytes]:
    """An incident with the title everywhere that a sender can put it."""
    identifier = ODD_ID if place == 0 else f"PODD{place}"
    who = reference("PUSR9", "user", title)
    fields = incident(
        identifier, number=9_000_000 + place, title=title, html_url=SCRIPT_URL, created_at=_text(at),
        service=reference("PODD", "service", ODD_SERVICE), assignees=[who], teams=[reference("PTEAMX", "team", title)],
        priority=reference("PPRIX", "priority", MARKUP[1]),
    )  # fmt: skip
    note = {
        "id": f"PNOTE{place}", "type": "incident_note", "content": f"{title}\nfixed by {MARKUP[0]} & rest",
        "trimmed": False, "incident": reference(identifier, "incident"),
    }  # fmt: skip
    steps = [("triggered", 0, fields), ("acknowledged", 60, fields), ("annotated", 90, note), ("resolved", 200, fields)]
    return [
        body_of(event(kind, occurred_at=_text(at + timedelta(seconds=seconds)), agent=who, data=data))
        for kind, seconds, data in steps
    ]


def _plain(number: int, start: datetime) -> bytes:
    at = start + timedelta(seconds=number * 14)
    service = reference(f"PSVC{number % SERVICES}", "service", f"Service {number % SERVICES:03d}")
    fields = incident(
        f"PBULK{number:05d}", number=100_000 + number, title=f"Latency above {number} ms on host-{number % 97}",
        service=service, created_at=_text(at), urgency="high" if number % 3 else "low",
    )  # fmt: skip
    return body_of(event("triggered", occurred_at=_text(at), data=fields))


def _text(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"
