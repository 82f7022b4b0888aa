"""The dbt project that the package brings along."""

import hashlib
from functools import cache
from importlib.resources import files
from pathlib import Path

PROJECT_DIR = Path(str(files("em_agent") / "warehouse"))


@cache
def version_of(project_dir: Path) -> str:
    """What tells this version of the models from others: a digest of all that makes their rows."""
    digest = hashlib.sha256()
    for path in sorted([project_dir / "dbt_project.yml", *project_dir.rglob("*.sql")]):
        if "target" not in path.parts and "tests" not in path.parts:
            digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()
