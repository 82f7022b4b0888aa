"""Which of the DORA metrics a question asks for."""

import re
from typing import Literal

Metric = Literal["frequency", "lead_time", "failure_rate", "recovery", "rework"]

_DEPLOY = r"(?:deploy\w*|releas\w+|ship(?:s|ped|ping)?|roll-?outs?|rolled\s+out|go\s+live)"
_METRICS: tuple[tuple[Metric, str], ...] = (
    (
        "frequency",
        (
            rf"\bdeploy(?:ment)?s?\s+(?:frequency|count|rate|volume)\b|\bhow\s+(?:often|many\s+times|frequently)\b.*\b{_DEPLOY}"
            r"|\b(?:how\s+many|number\s+of|count\s+of)\s+(?:\w+\s+){0,2}(?:deploy\w*|releases|roll-?outs)\b"
        ),
    ),
    ("lead_time", r"\blead[\s-]+times?\b|\bcommit\w*\s+to\s+(?:production|deploy\w*|live)\b"),
    (
        "failure_rate",
        (
            r"\bchange[\s-]+fail\w*\b|\bcfr\b|\bfail(?:ure|ed)?\s+(?:rate|share|percentage)\s+of\s+(?:our\s+)?(?:changes|deploy\w*)\b"
            r"|\b(?:how\s+many|what\s+(?:share|percentage|part|fraction))\b.*\b(?:deploy\w*|changes|releases)\b.*\bfail\w*"
        ),
    ),
    ("recovery", r"\b(?:failed[\s-]+)?deployment[\s-]+recovery\b|\brecover\w*\s+from\s+(?:a\s+)?failed\s+deploy\w*"),
    ("rework", r"\brework[\s-]+rate\b|\bdeployment[\s-]+rework\b"),
)
_ALL = re.compile(r"\bdora\b|\bfour\s+keys\b|\bdelivery\s+(?:metrics|performance)\b", re.IGNORECASE)
# What happened to one deployment, or is to be done about it, is no figure.
_TOLD_OF = re.compile(r"\bwhy\b|\bcaus(?:e|es|ed|ing)\b|\bfix(?:ed|es|ing)?\b", re.IGNORECASE)


def read_metrics(text: str) -> tuple[Metric, ...]:
    """The DORA metrics that the text asks for."""
    if _TOLD_OF.search(text):
        return ()
    if _ALL.search(text):
        return tuple(metric for metric, _ in _METRICS)
    return tuple(metric for metric, pattern in _METRICS if re.search(pattern, text, re.IGNORECASE | re.DOTALL))
