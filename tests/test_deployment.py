"""What the image and the composition start exists, and they hold no secret."""

import itertools
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer.main
import yaml

from em_agent.cli import app
from em_agent.integrations.registry import SOURCES
from em_agent.settings import Settings, load_settings

ROOT = Path(__file__).parents[1]
COMMANDS = typer.main.get_command(app).commands  # type: ignore[attr-defined]
KNOWN = {field.alias for field in Settings.model_fields.values()} | {source.secret_env for source in SOURCES.values()}
ROLES = ("gateway", "connectors", "relay", "worker")


@pytest.fixture(scope="module")
def composition() -> dict[str, Any]:
    """The composition with its anchors resolved."""
    read: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
    return read


def test_services(composition: dict[str, Any]) -> None:
    """The services are the roles, the database and NATS."""
    assert set(composition["services"]) == {*ROLES, "db", "nats"}


@pytest.mark.parametrize("role", ROLES)
def test_role(composition: dict[str, Any], role: str) -> None:
    """Each role's commands exist, its settings are known, and what they come to is valid."""
    service = composition["services"][role]
    assert _started(service)[-1] == role
    assert set(_started(service)) <= set(COMMANDS)
    assert set(service["environment"]) <= KNOWN
    settings = load_settings({name: _filled(value) for name, value in service["environment"].items()}, Path("none"))
    settings.check_exposure()
    assert (settings.port, settings.connectors_port) == (8000, 8001)


@pytest.mark.parametrize("role", ROLES)
def test_configuration(composition: dict[str, Any], role: str) -> None:
    """Each role is started where em-agent.yaml is mounted, and cannot write there."""
    service = composition["services"][role]
    [volume] = service["volumes"]
    assert volume.endswith(f":{service['working_dir']}:ro")


def _started(service: dict[str, Any]) -> list[str]:
    """The words that stand behind `em-agent` in what a service runs."""
    if "entrypoint" not in service:
        return [service["command"][0]]
    words = shlex.split(service["entrypoint"][-1])
    return [following for word, following in itertools.pairwise(words) if word == "em-agent"]


def _filled(text: str) -> str:
    """The text with a value for each variable."""
    return re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", re.sub(r"\$\{\w+:\?[^}]*\}", "given", text))


def test_secrets_are_required(composition: dict[str, Any]) -> None:
    """Keys and passwords are asked for, and none has a default."""
    text = (ROOT / "compose.yaml").read_text()
    for name in ("EM_AGENT_API_KEYS", "POSTGRES_PASSWORD", "NATS_PASSWORD"):
        uses = re.findall(rf"\$\{{{name}(..)", text)
        assert uses
        assert set(uses) == {":?"}
    assert composition["services"]["db"]["environment"]["POSTGRES_PASSWORD"].startswith("${")


def test_only_this_machine_is_served(composition: dict[str, Any]) -> None:
    """Ports are published on loopback unless somebody says otherwise, and servers publish none."""
    for name, service in composition["services"].items():
        ports = service.get("ports", [])
        assert all(port.startswith("${EM_AGENT_PUBLISH:-127.0.0.1}:") for port in ports), name
        assert not ports or name in {"gateway", "connectors"}


def test_image() -> None:
    """The image's command exists, its user is not root, and everything in it is installed by hash."""
    text = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
    assert re.search(r'^ENTRYPOINT \["em-agent"\]$', text, re.MULTILINE)
    users = re.findall(r"^USER (\d+)", text, re.MULTILINE)
    assert users
    assert "0" not in users
    assert set(re.findall(r"\b(EM_AGENT_\w+)=", text)) <= KNOWN
    for install in re.findall(r"pip install [^&\n]*", text):
        assert "--require-hashes" in install or ("--no-deps" in install and "--offline" in install), install


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-test.lock", "requirements-install.lock"])
def test_locks(name: str) -> None:
    """Every locked package is pinned and has hashes, and no lock names a host."""
    text = (ROOT / name).read_text()
    assert not re.search(r"https?://|^--", text, re.MULTILINE)
    packages = re.split(r"^(?=\S)", text, flags=re.MULTILINE)[1:]
    assert packages
    assert all(re.match(r"[\w.-]+==\S+", package) and "--hash=sha256:" in package for package in packages)


def test_locks_agree() -> None:
    """What run time and installation have, the tests have in the same version."""

    def versions(name: str) -> set[str]:
        return set(re.findall(r"^[\w.-]+==\S+", (ROOT / name).read_text(), re.MULTILINE))

    assert versions("requirements.lock") <= versions("requirements-test.lock")
    names = {pin.partition("==")[0] for pin in versions("requirements-test.lock")}
    shared = {pin for pin in versions("requirements-install.lock") if pin.partition("==")[0] in names}
    assert shared <= versions("requirements-test.lock")
