"""The SQL of the dbt project is written in one style."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from em_agent.workers.dbt import connection_variables, dbt_variables
from em_agent.workers.project import PROJECT_DIR
from tests.marts import Transformer

ROOT = Path(__file__).parents[2]


@pytest.mark.timeout(400)
def test_sql_style(database_url: str, transformer: Transformer, tmp_path: Path) -> None:
    """sqlfluff, which has dbt compile each model as on a database that has it, finds nothing."""
    transformer.run()
    done = subprocess.run(
        [sys.executable, "-m", "sqlfluff", "lint", "--disable-progress-bar", str(PROJECT_DIR)],
        env={**os.environ, **connection_variables(database_url), **dbt_variables(tmp_path)},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
