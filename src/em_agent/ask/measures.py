"""Which figures a question asks for."""

import re
from dataclasses import dataclass
from typing import Literal

Statistic = Literal["mean", "median", "p75", "p90", "p95"]

DURATIONS = ("time_to_acknowledge_seconds", "time_to_resolve_seconds", "active_seconds")


@dataclass(frozen=True, slots=True)
class Measure:
    """A field of the metrics, and for a duration the statistic that was asked for, if one was."""

    field: str
    statistic: Statistic | None = None

    @property
    def is_duration(self) -> bool:
        """Whether it is in seconds."""
        return self.field in DURATIONS


_FIELDS = (
    (
        "time_to_acknowledge_seconds",
        (
            r"\bmtta\b|\back(?:s|ed|ing|nowledg\w*)?\b(?!\s+incidents)|\brespon(?:d|ds|se|ded)\b|\breact\w*"
            r"|\bpick(?:ed)?\s+up\b"
        ),
    ),
    (
        "time_to_resolve_seconds",
        (
            r"\bmttr\b|\b(?:long|fast|quick|quickly|soon|slow|slowly|time|times|duration)\b.*\b(?:resol\w+"
            r"|fix\w*|recover\w*|restor\w*|repair\w*|mitigat\w*|last\w*|clos\w+|solv\w+)"
            r"|\b(?:resol\w+|recover\w*|restor\w*|repair)\s+(?:\w+\s+)?times?\b|\bhow\s+long\b|\bduration\b"
            r"|\b(?:slowest|fastest|longest|shortest)\b"
        ),
    ),
    ("active_seconds", r"\bactive\s+(?:time|seconds|minutes|hours)\b|\btime\s+active\b"),
    ("reopened", r"\bre-?open\w*"),
    ("escalated", r"\bescalat\w+"),
    ("auto_resolved", r"\bauto(?:matically)?[\s-]*resolv\w+|\bresolved\s+(?:by\s+themselves|automatically|themselves)"),
    ("merged", r"\bmerge[ds]?\b"),
    ("handed_over", r"\bhand(?:ed)?[\s-]*over|\breassign\w*|\bdelegat\w*"),
    ("priority_raised", r"\bpriority\s+(?:was\s+|were\s+)?raised|\braised\s+priority"),
    ("high_urgency", r"\burgency\s+(?:mix|split|share)|\bshare\s+of\s+high"),
    ("open", r"\b(?:still\s+)?open\b|\bunresolved\b|\bnot\s+(?:yet\s+)?resolved\b|\bongoing\b"),
    ("acknowledged", r"\bhow\s+many\b.*\backnowledged\b|\backnowledged\s+incidents\b"),
    ("resolved", r"\bhow\s+many\b.*\bresolved\b"),
)
_STATISTICS: tuple[tuple[Statistic, str], ...] = (
    ("median", r"\bmedian\b|\bp50\b|\b50th\b|\btypical(?:ly)?\b"),
    ("p75", r"\bp75\b|\b75th\b"),
    ("p90", r"\bp90\b|\b90th\b"),
    ("p95", r"\bp95\b|\b95th\b"),
    ("mean", r"\bmean\b|\baverage\b|\bavg\b"),
)
_COUNTED = re.compile(
    r"\bhow\s+(?:many|often)\b|\bnumber\s+of\b|\bcount\b|\btotal\b|\bmost\s+(?:incidents|outages|alerts|pages)",
    re.IGNORECASE,
)

# How things go, without a figure that would tell it.
_TREND = re.compile(r"\b(?:better|worse|improv\w+)\b", re.IGNORECASE)


def read_measures(text: str) -> tuple[Measure, ...]:
    """The figures that the text asks for; the number of incidents where it names none."""
    fields = [field for field, pattern in _FIELDS if re.search(pattern, text, re.IGNORECASE | re.DOTALL)]
    if _COUNTED.search(text):
        durations = {field for field in fields if field in DURATIONS} if not _asks_for_time(text) else set[str]()
        fields = [field for field in fields if field not in durations]
    elif any(field in DURATIONS for field in fields):
        fields = [field for field in fields if field in DURATIONS or field in {"reopened", "escalated"}]
    if not fields and _TREND.search(text):
        return (Measure("incidents"), Measure("time_to_acknowledge_seconds"), Measure("time_to_resolve_seconds"))
    statistic = next((name for name, pattern in _STATISTICS if re.search(pattern, text, re.IGNORECASE)), None)
    if statistic and not fields and not _COUNTED.search(text):
        fields = ["time_to_resolve_seconds"]
    return tuple(Measure(field, statistic if field in DURATIONS else None) for field in fields) or (
        Measure("incidents"),
    )


def _asks_for_time(text: str) -> bool:
    return (
        re.search(r"\bmtt[ra]\b|\bhow\s+(?:long|fast|quick)|\b(?:mean|average|median)\b", text, re.IGNORECASE)
        is not None
    )
