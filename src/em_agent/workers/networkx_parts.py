"""Those parts of networkx that dbt uses, in place of all of it: 12 MB, and half a second of every start, less."""

import importlib
import sys
from importlib.machinery import ModuleSpec
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

_LEFT_OUT = ("generators", "readwrite", "linalg", "drawing", "algorithms")
_USED = ("generators.classic", "algorithms.components", "algorithms.cycles", "algorithms.dag", "algorithms.traversal")


def import_networkx() -> None:
    """Import the package with little in its large parts, unless it is there already, or is not at all.

    The first name that is missed has all of it loaded after all.
    """
    found = find_spec("networkx") if "networkx" not in sys.modules else None
    if found is None or found.origin is None:
        return
    large = [_spec(found.origin, name) for name in _LEFT_OUT]
    for spec in large:
        part = module_from_spec(spec)
        part.__all__ = []  # type: ignore[attr-defined] # until its own code is run
        sys.modules[spec.name] = part
    networkx = importlib.import_module("networkx")
    for name in _USED:
        _publish(networkx, importlib.import_module(f"networkx.{name}"))

    def load_all(name: str) -> object:
        networkx.__dict__.pop("__getattr__", None)
        for spec in large:
            part = sys.modules[spec.name]
            del part.__all__
            if spec.loader is not None:
                spec.loader.exec_module(part)
            _publish(networkx, part)
        found: object = getattr(networkx, name)
        return found

    networkx.__getattr__ = load_all  # type: ignore[method-assign]


def _spec(origin: str, name: str) -> ModuleSpec:
    folder = Path(origin).with_name(name)
    spec = spec_from_file_location(f"networkx.{name}", folder / "__init__.py", submodule_search_locations=[str(folder)])
    if spec is None:
        raise ModuleNotFoundError(name)
    return spec


def _publish(networkx: ModuleType, part: ModuleType) -> None:
    """Let the names of the part stand in the package, as its own code does."""
    names = getattr(part, "__all__", None) or [name for name in vars(part) if not name.startswith("_")]
    for name in names:
        networkx.__dict__.setdefault(name, getattr(part, name))
    networkx.__dict__.setdefault(part.__name__.rpartition(".")[2], part)
