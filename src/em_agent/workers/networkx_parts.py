"""Those parts of networkx that dbt uses, in place of all of it: 12 MB, and half a second of every start, less."""

import importlib
import sys
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

_LEFT_OUT = ("generators", "readwrite", "linalg", "drawing", "algorithms")
_USED = ("components", "cycles", "dag", "traversal")


def import_networkx() -> None:
    """Import the package with empty parts where dbt looks for nothing; unless it is there already, or is not at all."""
    spec = find_spec("networkx") if "networkx" not in sys.modules else None
    if spec is None or spec.origin is None:
        return
    for name in _LEFT_OUT:
        part = ModuleType(f"networkx.{name}")
        part.__path__ = [str(Path(spec.origin).with_name(name))]  # its own parts can still be imported by their names
        part.__all__ = []  # type: ignore[attr-defined]
        sys.modules[part.__name__] = part
    networkx = importlib.import_module("networkx")
    for name in _USED:
        part = importlib.import_module(f"networkx.algorithms.{name}")
        setattr(networkx, name, part)
        public = getattr(part, "__all__", None) or [known for known in vars(part) if not known.startswith("_")]
        for known in public:
            setattr(networkx, known, getattr(part, known))
