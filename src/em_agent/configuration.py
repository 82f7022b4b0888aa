"""The configuration file: what takes more than a value to say. It is read once, at start."""

from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from em_agent.errors import ConfigurationError

DEFAULT_PATH = Path("em-agent.yaml")
_LARGEST_BYTES = 1024 * 1024


def _several(value: object) -> object:
    return [value] if isinstance(value, str) else value


Names = Annotated[tuple[str, ...], BeforeValidator(_several)]


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


class Configuration(_Part):
    """All that the file may say."""

    slack: SlackConfiguration = SlackConfiguration()


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
    first: Any = error.errors()[0]
    key = ".".join(str(part) for part in first["loc"]) or "the whole"
    if first["type"] == "extra_forbidden":
        return f"{path}: {key} is not known here; see docs/slack.md."
    if first["type"] == "string_pattern_mismatch":
        return f"{path}: {key} should be a channel's id, such as C0123456789."
    reason = first["msg"].removeprefix("Value error, ")
    return f"{path}: {key} is wrong: {reason[0].lower()}{reason[1:]}."
