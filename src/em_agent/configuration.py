"""The configuration file: what takes more than a value to say. It is read once, at start."""

from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    field_validator,
)

from em_agent.errors import ConfigurationError
from em_agent.refusals import first_refusal

DEFAULT_PATH = Path("em-agent.yaml")
_LARGEST_BYTES = 1024 * 1024
# Where the docs say what a part of the file may hold.
_PAGES = {"slack": "docs/slack.md", "services": "docs/services.md", "dora": "docs/services.md"}
_EVERY_PAGE = " and ".join(sorted(set(_PAGES.values())))


def _several(value: object) -> object:
    return [value] if isinstance(value, str) else value


def _named(value: object) -> object:
    """Names and ids, one or several, as texts: an id may be a number."""
    several = [value] if isinstance(value, str | int) and not isinstance(value, bool) else value
    if not isinstance(several, list):
        return several
    return [str(each) if isinstance(each, int) and not isinstance(each, bool) else each for each in several]


Names = Annotated[tuple[str, ...], BeforeValidator(_several)]
Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
Known = Annotated[tuple[Name, ...], BeforeValidator(_named)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class AnnounceWhen(_Part):
    """What an incident has to be for a rule to fit; what is not named fits any."""

    service: Names = ()  # patterns such as Checkout*
    team: Names = ()
    urgency: Annotated[tuple[Literal["high", "low"], ...], BeforeValidator(_several)] = ()
    priority: Names = ()


class AnnounceRule(_Part):
    """Where incidents are announced: the first rule that fits."""

    when: AnnounceWhen = AnnounceWhen()
    channel: str = Field(pattern="^[CG][A-Z0-9]{2,30}$")


class SlackConfiguration(_Part):
    """What is done in Slack without being asked."""

    announce: tuple[AnnounceRule, ...] = ()


class Service(_Part):
    """A service, and what each tool knows it by."""

    name: Name
    pagerduty: Known = ()  # ids or names
    repositories: Known = ()  # owner/name
    deployments: Known = ()  # the names that deployments are posted with
    teams: Known = ()
    jira: Known = ()
    linear: Known = ()
    shortcut: Known = ()

    @field_validator("repositories")
    @classmethod
    def _full_names(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for name in value:
            owner, _, rest = name.partition("/")
            if not owner or not rest or "/" in rest or " " in name:
                message = f"{name} should be owner/name, such as acme/checkout"
                raise ValueError(message)
        return value


class DoraConfiguration(_Part):
    """What DORA metrics are computed by."""

    change_window_hours: float = Field(default=24.0, gt=0, le=24 * 365)


class Configuration(_Part):
    """All that the file may say."""

    slack: SlackConfiguration = SlackConfiguration()
    services: tuple[Service, ...] = ()
    dora: DoraConfiguration = DoraConfiguration()

    @field_validator("services")
    @classmethod
    def _each_of_one_service(cls, services: tuple[Service, ...]) -> tuple[Service, ...]:
        """What names a service names no other one; a project or a team may serve several."""
        for field in ("name", "pagerduty", "repositories", "deployments"):
            owners: dict[str, int] = {}
            for number, service in enumerate(services):
                value = getattr(service, field)
                for name in (value,) if isinstance(value, str) else value:
                    if owners.setdefault(name.lower(), number) != number:
                        message = f"{name} is in the {field} of two services"
                        raise ValueError(message)
        return services


def load_configuration(path: Path | None) -> Configuration:
    """What the file says; without a path, what `em-agent.yaml` says if there is one.

    Raises:
        ConfigurationError: it cannot be read, or says what is not understood; one line that names the key.

    """
    if path is None and not DEFAULT_PATH.is_file():
        return Configuration()
    return _read(path or DEFAULT_PATH)


def _read(path: Path) -> Configuration:
    try:
        if path.stat().st_size > _LARGEST_BYTES:
            message = f"{path} is longer than {_LARGEST_BYTES} bytes: it is no configuration of EM Agent."
            raise ConfigurationError(message)
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        message = f"{path} cannot be read ({type(error).__name__}): EM_AGENT_CONFIG is the path of a YAML file."
        raise ConfigurationError(message) from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        place = getattr(error, "problem_mark", None)
        where = f", line {place.line + 1}" if place is not None else ""
        message = f"{path} is not YAML{where}: mend it, or check the indentation."
        raise ConfigurationError(message) from error
    try:
        return Configuration.model_validate({} if document is None else document)
    except ValidationError as error:
        raise ConfigurationError(_sentence(path, error)) from error


def _sentence(path: Path, error: ValidationError) -> str:
    place, kind, reason = first_refusal(error)
    key = ".".join(str(part) for part in place) or "the whole"
    if kind == "extra_forbidden":
        return f"{path}: {key} is not known here; see {_PAGES.get(str(place[0]), _EVERY_PAGE)}."
    if kind == "string_pattern_mismatch":
        return f"{path}: {key} should be a channel's id, such as C0123456789."
    return f"{path}: {key} is wrong: {reason}."
