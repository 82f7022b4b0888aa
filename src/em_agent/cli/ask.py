"""`em-agent ask`: a question to the running product."""

import json
import sys
from typing import Annotated

import typer

from em_agent.cli.client import call, where
from em_agent.errors import InvalidError

PATH = "/v1/ask"


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command(name="ask")(ask)


def ask(
    question: Annotated[list[str], typer.Argument(help="In plain words, such as: what caused the outage last week?")],
    url: Annotated[
        str | None, typer.Option(envvar="EM_AGENT_API_URL", help="Where the API is. Default: what runs here.")
    ] = None,
    key: Annotated[str | None, typer.Option(envvar="EM_AGENT_API_KEY", help="An API key, where one is asked.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the API's JSON.")] = False,  # noqa: FBT002
) -> None:
    """Answer a question about incidents, with its sources."""
    text = " ".join(question).strip()
    if not text:
        message = "The question is empty."
        raise InvalidError(message)
    found_url, found_key = where(url, key)
    answer = call(found_url, found_key, PATH, body={"q": text})
    if as_json:
        sys.stdout.write(answer if answer.endswith("\n") else f"{answer}\n")
        return
    found = json.loads(answer)
    sys.stdout.write(_printable(found["answer"]) + "\n")
    if found["degraded"]:
        sys.stderr.write(f"em-agent: answered without {' and '.join(found['degraded'])}.\n")


def _printable(text: str) -> str:
    """What people wrote never moves the cursor or colours the terminal."""
    return "".join(character if character == "\n" or character.isprintable() else " " for character in text)
