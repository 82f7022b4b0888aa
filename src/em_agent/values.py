"""What the values of settings may be."""

from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr

from em_agent.addresses import host_name

MOST_DAYS = 36_500
LOG_LEVELS = ("debug", "info", "warning", "error")


def split(value: str) -> list[str]:
    """The values between the commas.

    Raises:
        ValueError: there is none, or one goes over several lines.

    """
    parts = [part.strip() for part in value.split(",") if part.strip()]
    if not parts:
        message = "it is set, but holds nothing between its commas: give one or several values, or unset it"
        raise ValueError(message)
    if not all(part.isprintable() for part in parts):
        message = "a value in it goes over several lines: put commas between several values"
        raise ValueError(message)
    return parts


def _in_header(value: SecretStr) -> SecretStr:
    """The token without the space around it, as a header can carry it."""
    text = value.get_secret_value().strip()
    if not text:
        message = "it is set, but holds nothing: give the value, or unset it"
        raise ValueError(message)
    if not all(" " <= character <= "~" for character in text):
        message = "it should be one line of plain characters"
        raise ValueError(message)
    return SecretStr(text)


def _chosen(value: str) -> str:
    if value.lower() not in LOG_LEVELS:
        message = f"it should be one of {', '.join(LOG_LEVELS)}"
        raise ValueError(message)
    return value


def _whole_days(value: object) -> int:
    text = str(value).strip()
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= MOST_DAYS):
        message = f"it should be a whole number of days from 1 to {MOST_DAYS:_}, or unset to keep everything"
        raise ValueError(message)
    return int(text)


Secrets = Annotated[tuple[SecretStr, ...], BeforeValidator(split)]
Token = Annotated[SecretStr, AfterValidator(_in_header)]
Host = Annotated[str, AfterValidator(host_name)]
Days = Annotated[int, BeforeValidator(_whole_days)]
LogLevel = Annotated[str, AfterValidator(_chosen)]
Rate = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Port = Annotated[int, Field(ge=1, le=65535)]
