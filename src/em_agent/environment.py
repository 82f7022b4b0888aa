"""What the environment says: it, the files that it names and the `.env` file are read here alone."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from dotenv import dotenv_values

from em_agent.errors import ConfigurationError

# Only our own names are looked for with _FILE behind: other programs have variables of that form too.
PREFIXES = (
    "EM_AGENT_", "DATABASE_", "NATS_", "PAGERDUTY_", "GITHUB_WEBHOOK_", "JIRA_WEBHOOK_", "LINEAR_WEBHOOK_",
    "SHORTCUT_WEBHOOK_", "SLACK_", "EMBEDDINGS_", "LLM_",
)  # fmt: skip


def default_data_dir() -> Path:
    """The per-user data directory; `/var/lib/em-agent` for root, whose home others can't enter."""
    if os.name == "posix" and os.geteuid() == 0:
        return Path("/var/lib/em-agent")
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "em-agent"
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "em-agent"


def read_environment(environ: Mapping[str, str], dotenv: Path = Path(".env")) -> dict[str, str]:
    """Each setting's text: `environ` first, then the file that `NAME_FILE` names, then the `.env` file.

    Raises:
        ConfigurationError: a `NAME_FILE` cannot be read, or is empty.

    """
    merged = {name: value for name, value in dotenv_values(dotenv).items() if value} if dotenv.is_file() else {}
    for name, value in environ.items():
        setting = name.removesuffix("_FILE")
        if setting != name and value and setting.startswith(PREFIXES) and not environ.get(setting):
            merged[setting] = read_secret_file(name, value)
    merged.update({name: value for name, value in environ.items() if value})
    return merged


def read_secret_file(name: str, path: str) -> str:
    """The text of the file that the setting names.

    Raises:
        ConfigurationError: it cannot be read, or is empty.

    """
    try:
        text = Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        message = f"{name} names {path}, which cannot be read ({type(error).__name__}): give the path of a text file."
        raise ConfigurationError(message) from error
    if not text:
        message = f"{name} names {path}, which is empty: put the value into it, or unset {name}."
        raise ConfigurationError(message)
    return text
