"""How a command ends."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import typer

from em_agent.errors import EmAgentError


@contextmanager
def explained() -> Iterator[None]:
    """Make a foreseen error one line on standard error and exit status 1."""
    try:
        yield
    except EmAgentError as error:
        typer.echo(f"em-agent: {error}", err=True)
        sys.exit(1)
