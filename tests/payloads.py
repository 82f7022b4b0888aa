"""The payload files: one for each event type of each source."""

import json
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "integrations"


def payload_files(source: str) -> dict[str, Path]:
    """The file of each event type."""
    return {path.name.removesuffix(".json"): path for path in sorted((FOLDER / source / "payloads").glob("*.json"))}


def payload(source: str, event_type: str) -> dict[str, Any]:
    """The document in a payload file."""
    document: dict[str, Any] = json.loads(payload_files(source)[event_type].read_text(encoding="utf-8"))
    return document
