"""What a query names."""

import pytest

from em_agent.search.exact import names


@pytest.mark.parametrize(
    ("query", "numbers"),
    [
        ("#42", [42]), ("what about #42, and #7?", [42, 7]), ("incident 42", [42]), ("Incident number 42 again", [42]), ("42", [42]),
        ("42 errors", []), ("error 500 in March 2026", []), ("#99999999999999999999", []), ("c#", []), ("²", []),
    ],
)  # fmt: skip
def test_numbers(query: str, numbers: list[int]) -> None:
    """A number is an incident's where the query says so, or is nothing else."""
    assert names(query).numbers == numbers


def test_ids_and_addresses() -> None:
    """An incident's id is known by its form, alone or at the end of an address; another document's only alone."""
    assert "pagerduty:incident:P123ABC" in names("what broke in P123ABC?").ids
    assert "pagerduty:incident:P123ABC" in names("<https://a.pagerduty.com/incidents/P123ABC?utm=x>").ids
    assert "https://wiki.example.com/a" in names("see https://wiki.example.com/a/.").urls
    assert "17" in names("17").ids
    assert "17" not in names("mach 17").ids
    assert "pagerduty:incident:DATABASE" not in names("DATABASE down").ids
