"""Why a value that somebody set was refused, in words of theirs."""

from typing import Any

from pydantic import ValidationError

_WORDS = {
    "bool_parsing": "it should be true or false",
    "float_parsing": "it should be a number",
    "float_type": "it should be a number",
    "finite_number": "it should be a number",
    "int_from_float": "it should be a whole number",
    "int_parsing": "it should be a whole number",
    "int_parsing_size": "it should be a smaller number",
    "greater_than": "it should be above {gt:g}",
    "greater_than_equal": "it should be at least {ge:g}",
    "less_than_equal": "it should be at most {le:g}",
    "literal_error": "it should be {expected}",
    "missing": "it is missing",
    "model_type": "it should hold keys with values",
    "string_too_long": "it should have at most {max_length} characters",
    "string_too_short": "it should not be empty",
    "string_type": "it should be a text",
    "tuple_type": "it should be a list",
}


def first_refusal(error: ValidationError) -> tuple[tuple[int | str, ...], str, str]:
    """Where the first refused value stands, the kind of its mistake, and the reason without a full stop."""
    first: Any = error.errors()[0]
    words = _WORDS.get(first["type"])
    if words is not None:
        return first["loc"], first["type"], words.format(**first.get("ctx", {}))
    reason = first["msg"].removeprefix("Value error, ")
    return first["loc"], first["type"], f"{reason[0].lower()}{reason[1:]}"
