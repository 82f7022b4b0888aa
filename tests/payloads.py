"""The payload files: at least one for each event type of each source.

A file is called after its event type, percent-encoded where a file system wants no such character; further cases of the
same type follow after two hyphens: `push.json`, `push--forced.json`, `jira%3Aissue_created.json`.
"""

import json
from pathlib import Path
from typing import Any
from urllib.parse import unquote

FOLDER = Path(__file__).parent / "integrations"


def payload_files(source: str) -> dict[str, Path]:
    """The file of each case: an event type, or one with what is special after two hyphens."""
    files = sorted((FOLDER / source / "payloads").glob("*.json"))
    return {unquote(path.name.removesuffix(".json")): path for path in files}


def event_type_of(case: str) -> str:
    """The event type of a case."""
    return case.partition("--")[0]


def payload(source: str, case: str) -> dict[str, Any]:
    """The document in a payload file."""
    document: dict[str, Any] = json.loads(payload_files(source)[case].read_text(encoding="utf-8"))
    return document
