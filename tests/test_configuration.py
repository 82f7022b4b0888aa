"""The configuration file: what it may say, and how it is told that it says something else."""

from pathlib import Path

import pytest

from em_agent.configuration import load_configuration
from em_agent.errors import ConfigurationError
from em_agent.settings import load_settings

WHOLE = """
slack:
  announce:
    - when: {service: "Checkout*", urgency: high}
      channel: C0123456789
    - when: {team: [Storage, Core], priority: [P1, P2]}
      channel: G0123456789
    - channel: C0999999999
"""


def written(folder: Path, text: str) -> Path:
    """A file with that text."""
    path = folder / "mine.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_whole(tmp_path: Path) -> None:
    """Rules are read in their order; one value stands for a list of one."""
    rules = load_configuration(written(tmp_path, WHOLE)).slack.announce
    assert [rule.channel for rule in rules] == ["C0123456789", "G0123456789", "C0999999999"]
    assert (rules[0].when.service, rules[0].when.urgency) == (("Checkout*",), ("high",))
    assert (rules[1].when.team, rules[1].when.priority) == (("Storage", "Core"), ("P1", "P2"))
    assert rules[2].when.service == ()


def test_services(tmp_path: Path) -> None:
    """A service has any number of names in each tool; an id may be a number."""
    text = """
services:
  - name: Checkout
    pagerduty: [P123ABC, "Checkout API"]
    repositories: acme/checkout
    deployments: [checkout]
    jira: CHK
    shortcut: [12]
dora: {change_window_hours: 6}
"""
    found = load_configuration(written(tmp_path, text))
    assert found.services[0].pagerduty == ("P123ABC", "Checkout API")
    assert found.services[0].repositories == ("acme/checkout",)
    assert (found.services[0].jira, found.services[0].shortcut) == (("CHK",), ("12",))
    assert found.dora.change_window_hours == 6


def test_default_place(tmp_path: Path) -> None:
    """`em-agent.yaml` of the current directory is read if it is there; an empty one says nothing."""
    assert load_settings({}).configuration.slack.announce == ()
    Path("em-agent.yaml").write_text(WHOLE, encoding="utf-8")
    assert len(load_settings({}).configuration.slack.announce) == 3
    other = written(tmp_path, "")
    assert load_settings({"EM_AGENT_CONFIG": str(other)}).configuration.slack.announce == ()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("slack: [", "is not YAML"),
        ("slack:\n  announce:\n    - channel: general", "slack.announce.0.channel should be a channel's id"),
        (
            "slack:\n  announce:\n    - when: {severity: 1}\n      channel: C01",
            "slack.announce.0.when.severity is not known",
        ),
        (
            "slack:\n  announce:\n    - when: {urgency: urgent}\n      channel: C01",
            "slack.announce.0.when.urgency.0 is wrong",
        ),
        ("slack:\n  announce:\n    - when: {service: x}", "slack.announce.0.channel is wrong: it is missing"),
        ("slack: {anounce: []}", "slack.anounce is not known"),
        ("policies: []", "policies is not known here; see docs/services.md and docs/slack.md"),
        ("services:\n  - name: A\n    jra: [A]", "services.0.jra is not known here; see docs/services.md"),
        ("services:\n  - pagerduty: [A]", "services.0.name is wrong: it is missing"),
        ("services:\n  - name: A\n    repositories: [a]", "services.0.repositories is wrong: a should be owner/name"),
        (
            "services:\n  - name: A\n    pagerduty: [P1]\n  - name: B\n    pagerduty: [p1]",
            "services is wrong: p1 is in the pagerduty of two services",
        ),
        ("services:\n  - name: A\n  - name: a", "services is wrong: a is in the name of two services"),
        ("services: {name: A}", "services is wrong"),
        ("dora: {change_window_hours: 0}", "dora.change_window_hours is wrong"),
        ("dora: {window: 1}", "dora.window is not known here; see docs/services.md"),
        ("- a", "the whole is wrong"),
        ("slack: nothing", "slack is wrong"),
        ("a: &a [*a]", "is not known"),
        ("!!python/object/apply:os.system ['true']", "is not YAML"),
        ("\x00", "is not YAML"),
    ],
)
def test_wrong(tmp_path: Path, text: str, told: str) -> None:
    """What is wrong is told in one line that names the file and the key."""
    path = written(tmp_path, text)
    with pytest.raises(ConfigurationError) as failure:
        load_settings({"EM_AGENT_CONFIG": str(path)})
    assert str(failure.value).startswith(str(path))
    assert told in str(failure.value)
    assert "\n" not in str(failure.value)


def test_no_such_file() -> None:
    """A file that is named has to be there."""
    with pytest.raises(ConfigurationError, match="EM_AGENT_CONFIG is the path of a YAML file"):
        load_settings({"EM_AGENT_CONFIG": "nowhere.yaml"})
