"""A history, the same for the same seed."""

from datetime import UTC, datetime, timedelta

from tests.fake_pagerduty.account import PEOPLE, Account

THINGS = [
    "Replica lag",
    "Disk full",
    "Certificate expired",
    "Queue backlog",
    "5xx spike",
    "Latency",
    "OOM kill",
    "DNS failure",
]
CAUSES = [
    "Root cause: a migration locked the orders table.",
    "Post-mortem: the connection pool was exhausted after the deploy.",
    "Fixed by rolling back build 4711.",
    "ログを確認しました。ディスクが満杯でした 🔥",
    "<b>Cause</b>: a <script>alert(1)</script> in the template & an expired token.",
    "السبب: انتهت صلاحية الشهادة",
]  # fmt: skip
ODD_NOTES = ["   \n\t ", "x" * 100_000, "\u202eevil\u202c", "🔥" * 50]


def generate(  # noqa: PLR0913
    incidents: int,
    *,
    seed: int = 1,
    days: int = 365,
    until: datetime | None = None,
    noted: float = 0.3,
    url: str = "https://acme.pagerduty.example",
) -> Account:
    """An account with that many incidents, spread over the days before `until`."""
    account = Account(seed, url)
    choose = account.random
    end = (until or datetime.now(UTC)).replace(microsecond=0)
    moments = sorted(end - timedelta(seconds=choose.randrange(60, days * 86_400)) for _ in range(incidents))
    for number, at in enumerate(moments):
        incident = account.trigger(at, f"{choose.choice(THINGS)} on node {number}")
        clock = at

        def later(low: int, high: int) -> datetime:
            nonlocal clock
            clock += timedelta(seconds=choose.randrange(low, high))
            return clock

        person = choose.randrange(len(PEOPLE))
        if choose.random() < 0.15:
            account.escalate(incident, later(60, 900), person)
        if choose.random() < 0.85:
            account.acknowledge(incident, later(20, 600), person)
        if choose.random() < noted:
            for _ in range(choose.choice([1, 1, 2])):
                account.annotate(incident, later(30, 1200), choose.choice(CAUSES), person)
        if number % 500 == 7:
            account.annotate(incident, later(30, 60), ODD_NOTES[number // 500 % len(ODD_NOTES)], person)
        if clock < end - timedelta(hours=3) and choose.random() < 0.98:
            account.resolve(incident, later(120, 7200), choose.choice([None, person]))
            if choose.random() < 0.03:
                account.reopen(incident, later(60, 600))
                account.resolve(incident, later(600, 1200), person)
            elif choose.random() < 0.01 and number:
                incident.merged_into = account.by_time[number - 1]
    return account
