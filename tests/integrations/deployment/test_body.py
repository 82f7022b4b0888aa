"""What a post of a deployment may say."""

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from em_agent.errors import InvalidError
from em_agent.integrations.deployment.body import OPTIONAL, REQUIRED, check

LEAST: dict[str, Any] = {
    "id": "d-1",
    "service": "checkout",
    "environment": "production",
    "status": "success",
    "finished_at": "2026-03-01T10:00:00Z",
}

RIGHT: list[dict[str, Any]] = [
    {},
    {"id": 7, "incident": 42, "rollback_of": 6},
    {"id": "x" * 200, "service": "Café ⚠ 数据库"},
    {"finished_at": None, "started_at": "2026-03-01T10:00:00"},
    {"finished_at": "2026-03-01T10:00:00.123+05:30", "started_at": None, "sha": None},
    {"sha": "abcdef0"},
    {"sha": "r1042"},
    {"sha": "A" * 64},
    {"status": "in_progress", "kind": "hotfix", "url": "https://ci.example.com/1"},
    {"approved_by": {"name": "Mira", "at": []}, "": 1},
]

NO_NAMES: tuple[Any, ...] = ("", " ", "x" * 201, "a\nb", [], {}, True)
NO_STATUSES: tuple[Any, ...] = ("Success", "done", 1, [], ["success"], "")
NO_KINDS: tuple[Any, ...] = ("normal", "", 5, {})
NO_HASHES: tuple[Any, ...] = ("a" * 65, 1234567, " abcdef0", "abc def", "\u202eabc", "")
NO_TIMES: tuple[Any, ...] = ("yesterday", "2026-03-01", 1772366400, "2026-02-30T00:00:00Z", "", [])

WRONG: list[tuple[str, Any]] = [
    *((name, value) for name in ("id", "service", "environment") for value in NO_NAMES),
    ("id", -1), ("id", 1.5), ("id", 2**63), ("service", 7), ("environment", 7),
    *(("status", value) for value in NO_STATUSES),
    *(("kind", value) for value in NO_KINDS),
    *(("sha", value) for value in NO_HASHES),
    *(("finished_at", value) for value in NO_TIMES),
    ("started_at", "10:00"), ("repository", []), ("repository", ""), ("rollback_of", True), ("rollback_of", {}),
    ("incident", ""), ("incident", 4.2), ("url", "javascript:alert(1)"), ("url", "https://"), ("url", "https://[x"),
    ("url", f"https://a.example/{'x' * 2000}"), ("url", 5),
]  # fmt: skip


@pytest.mark.parametrize("fields", RIGHT)
def test_what_is_right_passes(fields: dict[str, Any]) -> None:
    """The least that is asked passes, with optional fields in every shape, null ones and such as nobody knows."""
    check({**LEAST, **fields})


@pytest.mark.parametrize(("name", "value"), WRONG)
def test_what_is_wrong_is_named(name: str, value: object) -> None:
    """A field that is wrong is refused by one sentence that begins with its name."""
    with pytest.raises(InvalidError) as refusal:
        check({**LEAST, name: value})
    text = str(refusal.value)
    assert text.startswith(f"{name}: it ")
    assert text.endswith(".")


@pytest.mark.parametrize("name", LEAST)
def test_what_lacks_is_named(name: str) -> None:
    """A required field that is missing or null is named; of the two times one is enough."""
    for document in ({**LEAST, name: None}, {key: value for key, value in LEAST.items() if key != name}):
        with pytest.raises(InvalidError, match=f"^{name}: "):
            check(document)


@given(
    document=st.dictionaries(
        st.sampled_from([*REQUIRED, *OPTIONAL, "other"]),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
            lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
            max_leaves=4,
        ),
    )
)
def test_anything_is_judged(document: dict[str, Any]) -> None:
    """Any object either passes or is refused; nothing else is raised."""
    with contextlib.suppress(InvalidError):
        check(document)
