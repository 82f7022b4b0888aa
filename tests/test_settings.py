"""A wrong setting is told in one line."""

from pathlib import Path

import pytest

from em_agent.errors import ConfigurationError
from em_agent.settings import Settings, load_settings


def _load(name: str, value: str) -> Settings:
    return load_settings({name: value}, dotenv=Path("there-is-none"))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", "mysql://host/db"),
        ("DATABASE_URL", "postgresql://user:secret@host:port/db"),
        ("DATABASE_URL", "postgresql://host:99999/db"),
        ("NATS_URL", "nats://host:port"),
        ("NATS_URL", "host:4222"),
        ("NATS_URL", "nats://"),
        ("NATS_URL", "nats://one:4222,nats://two:port"),
        ("PAGERDUTY_FROM_EMAIL", "Ada"),
        ("PAGERDUTY_FROM_EMAIL", "ada@example.com\nX-Header: 1"),
        ("SLACK_API_URL", "https:///api/"),
        ("EMBEDDINGS_URL", "models.internal:8080/v1"),
        ("EMBEDDINGS_URL", "ftp://secret@models.internal/v1"),
        ("EMBEDDINGS_URL", "https:///v1"),
        ("EMBEDDINGS_URL", "https://models.internal:port/v1"),
        ("EM_AGENT_TIMEZONE", "Mars/Olympus"),
        ("EM_AGENT_TIMEZONE", "localtime"),
        ("EM_AGENT_TIMEZONE", "posixrules"),
        ("EM_AGENT_TIMEZONE", "Factory"),
        ("EM_AGENT_TIMEZONE", "europe/berlin"),
        ("EM_AGENT_TIMEZONE", "/etc/localtime"),
        ("EM_AGENT_TIMEZONE", "right/Europe/Berlin"),
        ("EM_AGENT_PORT", "0"),
        ("EM_AGENT_PORT", "secret"),
        ("EM_AGENT_HOST", "127.0.0.1:8000"),
        ("EM_AGENT_HOST", "999.1.1.1"),
        ("EM_AGENT_ALLOW_UNSIGNED", "perhaps"),
        ("EM_AGENT_BODY_LIMIT_BYTES", "1MiB"),
        ("EM_AGENT_RATE_LIMIT_PER_SECOND", "inf"),
        ("EM_AGENT_CRAWL_MINUTES", "nan"),
        ("EM_AGENT_STREAM_REPLICAS", "6"),
        ("EM_AGENT_API_KEYS", " , "),
        ("EM_AGENT_API_KEYS", "secret\nnew"),
        ("PAGERDUTY_WEBHOOK_SECRET", ","),
        ("PAGERDUTY_WEBHOOK_SECRET", "secret\nnew"),
        ("PAGERDUTY_API_TOKEN", " "),
        ("SLACK_BOT_TOKEN", "secret\nnew"),
        ("LLM_API_KEY", "sécret"),
        ("EM_AGENT_LOG_LEVEL", "loud"),
        ("EM_AGENT_RETENTION_DAYS", "0"),
        ("EM_AGENT_RETENTION_DAYS", "-1"),
        ("EM_AGENT_RETENTION_DAYS", "1.5"),
        ("EM_AGENT_RETENTION_DAYS", "a year"),
        ("EM_AGENT_RETENTION_DAYS", "99999999999"),
    ],
)
def test_wrong_setting_is_named(name: str, value: str) -> None:
    """The line names the setting, and does not show what it holds."""
    with pytest.raises(ConfigurationError) as failure:
        _load(name, value)
    text = str(failure.value)
    assert text.startswith(f"{name} is wrong: ")
    assert "\n" not in text
    assert "secret" not in text
    assert "^" not in text  # a pattern explains nothing
    assert "input" not in text  # nor do the words of the library that reads it


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", "postgresql://user:p,w@host:5432/db"),
        ("DATABASE_URL", "postgresql://one:5432,two:5433/db?target_session_attrs=read-write"),
        ("DATABASE_URL", "postgresql:///db?host=/run/postgresql"),
        ("DATABASE_URL", "postgres://[::1]:5432/db"),
        ("NATS_URL", "nats://one:4222,nats://two:4222"),
        ("NATS_URL", "tls://user:password@host"),
    ],
)
def test_urls_of_every_form(name: str, value: str) -> None:
    """Several hosts, sockets, IPv6 and odd passwords are no mistakes."""
    settings = _load(name, value)
    assert value in {settings.database_url, settings.nats_url}


def test_the_writer_of_incidents_is_known() -> None:
    """The email address that PagerDuty wants with what is written is taken, and kept for then."""
    assert _load("PAGERDUTY_FROM_EMAIL", "ada.young+em@example.com").pagerduty_from_email == "ada.young+em@example.com"


@pytest.mark.parametrize(
    ("environment", "missing"),
    [
        ({"EMBEDDINGS_URL": "https://models.internal/v1"}, "EMBEDDINGS_MODEL"),
        ({"EMBEDDINGS_MODEL": "some-model"}, "EMBEDDINGS_URL"),
    ],
)
def test_a_model_has_a_name_and_a_place(environment: dict[str, str], missing: str) -> None:
    """A model's name without its address, or the other way about, is told in one line that names both."""
    with pytest.raises(ConfigurationError, match=missing) as failure:
        load_settings(environment, dotenv=Path("there-is-none"))
    assert "\n" not in str(failure.value)
    assert load_settings({"EMBEDDINGS_URL": "None"}, dotenv=Path("there-is-none")).embeddings_url == "none"


@pytest.mark.parametrize(
    ("given", "word"),
    [
        ({"LLM_URL": "http://models.example:8080/v1"}, "LLM_MODEL"),
        ({"LLM_MODEL": "m"}, "LLM_URL"),
        ({"LLM_URL": "models.example/v1", "LLM_MODEL": "m"}, "LLM_URL"),
        ({"LLM_URL": "http:///v1", "LLM_MODEL": "m"}, "LLM_URL"),
    ],
)
def test_a_language_model_is_set_whole(given: dict[str, str], word: str) -> None:
    """A language model with half of its settings, or at no address, stops the start with the setting's name."""
    with pytest.raises(ConfigurationError, match=word):
        load_settings(given, dotenv=Path("there-is-none"))


@pytest.mark.parametrize("name", ["GITHUB_WEBHOOK_SECRET", "SOME_NEW_VENDORS_WEBHOOK_SECRET"])
def test_a_secret_may_stand_in_a_file(tmp_path: Path, name: str) -> None:
    """The secret of any source, one that was added yesterday too, may stand in a file; without one there it stops."""
    file = tmp_path / "secret"
    file.write_text("old, new\n", encoding="utf-8")
    settings = load_settings({f"{name}_FILE": str(file)}, dotenv=Path("there-is-none"))
    assert settings.secrets(name) == ("old", "new")
    (tmp_path / "empty").write_text("\n", encoding="utf-8")
    for wrong in ("none", "empty"):
        with pytest.raises(ConfigurationError, match=f"{name}_FILE"):
            load_settings({f"{name}_FILE": str(tmp_path / wrong)}, dotenv=Path("there-is-none")).secrets(name)
    with pytest.raises(ConfigurationError, match=name):
        load_settings({name: ","}, dotenv=Path("there-is-none")).secrets(name)


def test_a_file_of_keys_without_one(tmp_path: Path) -> None:
    """A file that is to hold the API keys and is empty stops the start, in place of opening the door to everyone."""
    file = tmp_path / "keys"
    file.touch()
    with pytest.raises(ConfigurationError, match=r"EM_AGENT_API_KEYS_FILE names .*, which is empty"):
        _load("EM_AGENT_API_KEYS_FILE", str(file))
