"""What is written, and how often."""

import pytest

from em_agent.kit import logging


def test_the_same_again_is_written_seldom(monkeypatch: pytest.MonkeyPatch) -> None:
    """A line that would be the same comes once a minute, and at once when things were well in between."""
    now = 1000.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    seldom = logging.Seldom()
    assert seldom.may_say()
    now += 59
    assert not seldom.may_say()
    now += 1
    assert seldom.may_say()
    assert not seldom.may_say()
    assert seldom.is_over()
    assert not seldom.is_over()
    assert seldom.may_say()
