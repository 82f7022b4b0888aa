"""Tells a question that only makes sense after another one."""

import re

_FEW_WORDS = 4
_BEGINS = re.compile(
    r"(?:and|but|so|also|or|then|ok(?:ay)?|what\s+about|how\s+about|what\s+else|anything\s+else|since\s+when|only)\b",
    re.IGNORECASE,
)
_POINTS_BACK = re.compile(
    r"\b(?:it|its|that|this|these|those|they|them|their|there|he|she|him|her|same|another|others?|again|instead)\b",
    re.IGNORECASE,
)
_NAMES_SOMETHING = re.compile(r"#\d+|\b[A-Z0-9]{6,}\b")


def is_follow_up(question: str) -> bool:
    """Whether the question leaves out what it is about."""
    if _NAMES_SOMETHING.search(question):
        return False
    is_short = len(question.split()) <= _FEW_WORDS
    return is_short or _BEGINS.match(question) is not None or _POINTS_BACK.search(question) is not None
