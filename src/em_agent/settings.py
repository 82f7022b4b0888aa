"""The settings.

A value comes from the process environment, else from a file that `NAME_FILE` names, else from `.env` in the current
directory. An empty value counts as not set.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    NonNegativeFloat,
    PositiveInt,
    ValidationError,
    ValidationInfo,
    field_validator,
)

from em_agent.addresses import is_email, is_loopback, server_url, server_urls, web_url
from em_agent.configuration import Configuration, load_configuration
from em_agent.environment import PREFIXES, default_data_dir, read_environment, read_secret_file
from em_agent.errors import ConfigurationError
from em_agent.refusals import first_refusal
from em_agent.values import Days, Host, LogLevel, Port, Rate, Secrets, Token, split
from em_agent.zones import zone_of

NO_EMBEDDINGS = "none"


class Settings(BaseModel):
    """Every setting with its default; the alias is the name in the environment."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    data_dir: Path = Field(alias="EM_AGENT_DATA_DIR", default_factory=default_data_dir)
    host: Host = Field(alias="EM_AGENT_HOST", default="127.0.0.1")
    port: Port = Field(alias="EM_AGENT_PORT", default=8000)
    connectors_port: Port = Field(alias="EM_AGENT_CONNECTORS_PORT", default=8001)
    database_url: str | None = Field(alias="DATABASE_URL", default=None, repr=False)
    nats_url: str | None = Field(alias="NATS_URL", default=None, repr=False)
    api_keys: Secrets = Field(alias="EM_AGENT_API_KEYS", default=())
    timezone: str = Field(alias="EM_AGENT_TIMEZONE", default="UTC")
    log_level: LogLevel = Field(alias="EM_AGENT_LOG_LEVEL", default="info")
    allow_unsigned: bool = Field(alias="EM_AGENT_ALLOW_UNSIGNED", default=False)
    body_limit_bytes: PositiveInt | None = Field(alias="EM_AGENT_BODY_LIMIT_BYTES", default=None)
    rate_limit_per_second: Rate | None = Field(alias="EM_AGENT_RATE_LIMIT_PER_SECOND", default=None)
    queue_limit: PositiveInt = Field(alias="EM_AGENT_QUEUE_LIMIT", default=2000)
    retention_days: Days | None = Field(alias="EM_AGENT_RETENTION_DAYS", default=None)
    stream_replicas: Annotated[int, Field(ge=1, le=5)] = Field(alias="EM_AGENT_STREAM_REPLICAS", default=1)
    pagerduty_api_token: Token | None = Field(alias="PAGERDUTY_API_TOKEN", default=None)
    pagerduty_api_url: str = Field(alias="PAGERDUTY_API_URL", default="https://api.pagerduty.com")
    pagerduty_from_email: str | None = Field(alias="PAGERDUTY_FROM_EMAIL", default=None)
    crawl_minutes: NonNegativeFloat = Field(alias="EM_AGENT_CRAWL_MINUTES", default=15.0, le=40_000)
    embeddings_url: str | None = Field(alias="EMBEDDINGS_URL", default=None)
    embeddings_model: str | None = Field(alias="EMBEDDINGS_MODEL", default=None)
    embeddings_api_key: Token | None = Field(alias="EMBEDDINGS_API_KEY", default=None)
    llm_url: str | None = Field(alias="LLM_URL", default=None)
    llm_model: str | None = Field(alias="LLM_MODEL", default=None)
    llm_api_key: Token | None = Field(alias="LLM_API_KEY", default=None)
    slack_signing_secret: Secrets = Field(alias="SLACK_SIGNING_SECRET", default=())
    slack_bot_token: Token | None = Field(alias="SLACK_BOT_TOKEN", default=None)
    slack_app_token: Token | None = Field(alias="SLACK_APP_TOKEN", default=None)
    slack_api_url: str = Field(alias="SLACK_API_URL", default="https://slack.com/api/")
    config: Path | None = Field(alias="EM_AGENT_CONFIG", default=None)
    configuration: Configuration = Field(default_factory=Configuration, repr=False, exclude=True)
    environment: Mapping[str, str] = Field(default_factory=dict, repr=False, exclude=True)

    @field_validator("timezone")
    @classmethod
    def _known_timezone(cls, value: str) -> str:
        try:
            zone_of(value)
        except ValueError:
            message = "it should be an IANA name such as Europe/Berlin"
            raise ValueError(message) from None
        return value

    @field_validator("database_url")
    @classmethod
    def _postgres(cls, value: str) -> str:
        return server_url(value, {"postgresql", "postgres"}, "postgresql://user:password@host:5432/database")

    @field_validator("nats_url")
    @classmethod
    def _nats(cls, value: str) -> str:
        return server_urls(value, {"nats", "tls"}, "nats://user:password@host:4222")

    @field_validator("pagerduty_api_url")
    @classmethod
    def _pagerduty_api(cls, value: str) -> str:
        address, example = (
            value.strip().rstrip("/"),
            "https://api.pagerduty.com, or https://api.eu.pagerduty.com in Europe",
        )
        if set(address) & set("?#@ "):
            message = f"it should look like {example}"
            raise ValueError(message)
        return web_url(address, example)

    @field_validator("pagerduty_from_email")
    @classmethod
    def _email(cls, value: str | None) -> str | None:
        if value is not None and not is_email(value):
            message = "it should be the email address of a PagerDuty user"
            raise ValueError(message)
        return value

    @field_validator("embeddings_url", "llm_url")
    @classmethod
    def _model_url(cls, value: str | None, info: ValidationInfo) -> str | None:
        may_be_none = info.field_name == "embeddings_url"
        if value is None or (may_be_none and value.lower() == NO_EMBEDDINGS):
            return value and NO_EMBEDDINGS
        return web_url(value, f"https://host/v1{', or be none for words alone' if may_be_none else ''}")

    @field_validator("slack_api_url")
    @classmethod
    def _slack_api_url(cls, value: str) -> str:
        return f"{web_url(value, 'https://slack.com/api/').rstrip('/')}/"

    @property
    def has_slack(self) -> bool:
        """Whether there is something of Slack's to work with."""
        return bool(self.slack_signing_secret or self.slack_bot_token or self.slack_app_token)

    @property
    def is_loopback(self) -> bool:
        """Whether the services bind to an address that only this machine reaches."""
        return is_loopback(self.host)

    @property
    def takes_unsigned(self) -> bool:
        """Whether deliveries of a source without a secret are taken."""
        return self.is_loopback or self.allow_unsigned

    @property
    def api_key_values(self) -> tuple[str, ...]:
        """The API keys in clear text."""
        return tuple(key.get_secret_value() for key in self.api_keys)

    def secrets(self, name: str) -> tuple[str, ...]:
        """The comma-separated values of the secret that the environment calls `name`; none when it is not set.

        Raises:
            ConfigurationError: it holds nothing, or the file that is named instead of it cannot be read.

        """
        text, file = self.environment.get(name), self.environment.get(f"{name}_FILE")
        if not text and file:
            text = read_secret_file(f"{name}_FILE", file)
        try:
            return tuple(split(text)) if text else ()
        except ValueError as error:
            message = f"{name} is wrong: {error}."
            raise ConfigurationError(message) from error

    def check_models(self) -> None:
        """Refuse a model without an address, and an address without a model.

        Raises:
            ConfigurationError: of the URL and the MODEL of embeddings or answers one is set, the other is not.

        """
        for kind, url, model in (
            ("EMBEDDINGS", self.embeddings_url, self.embeddings_model),
            ("LLM", self.llm_url, self.llm_model),
        ):
            if url not in {None, NO_EMBEDDINGS} and model is None:
                message = f"{kind}_URL is set, but {kind}_MODEL is not: name the model that is asked there."
                raise ConfigurationError(message)
            if url is None and model is not None:
                message = f"{kind}_MODEL is set, but {kind}_URL is not: say where it is, or unset both."
                raise ConfigurationError(message)

    def check_exposure(self) -> None:
        """Refuse to serve other machines without keys.

        Raises:
            ConfigurationError: the address is not loopback and no API key is set.

        """
        if not self.is_loopback and not self.api_keys:
            message = (
                f"EM_AGENT_HOST is {self.host}, which other machines reach, but EM_AGENT_API_KEYS is not set: "
                "set a key, or bind to 127.0.0.1."
            )
            raise ConfigurationError(message)


def load_settings(environ: Mapping[str, str] | None = None, dotenv: Path = Path(".env")) -> Settings:
    """The settings of this process.

    Raises:
        ConfigurationError: a setting is wrong; the text is one line with its name and the mend.

    """
    environment = read_environment(os.environ if environ is None else environ, dotenv)
    known = {field.alias for field in Settings.model_fields.values() if field.alias}
    given: dict[str, Any] = {name: environment[name] for name in known if environment.get(name)}
    path = given.get("EM_AGENT_CONFIG")
    configuration = load_configuration(Path(path) if path else None)
    try:
        settings = Settings.model_validate({**given, "environment": environment, "configuration": configuration})
    except ValidationError as error:
        place, _, reason = first_refusal(error)
        message = f"{place[0]} is wrong: {reason}."
        raise ConfigurationError(message) from error
    for name in environment:
        if name.startswith(PREFIXES) and name.endswith("_WEBHOOK_SECRET"):
            settings.secrets(name)
    settings.check_models()
    return settings
