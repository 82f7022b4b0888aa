"""The parts of networkx that are imported are those that dbt uses."""

import json
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

_SCRIPT = """
import json, operator, sys
from em_agent.workers.networkx_parts import import_networkx
import_networkx()
import networkx
from dbt.cli.main import dbtRunner
for name in json.loads(sys.argv[1]):
    operator.attrgetter(name)(networkx)
print(sum(name.startswith("networkx.") for name in sys.modules))
"""


def test_all_that_dbt_uses_is_there() -> None:
    """Whatever dbt's source names of networkx is found, and most of the package stays where it is."""
    spec = find_spec("dbt.cli.main")
    assert spec is not None
    assert spec.origin is not None
    sources = "".join(path.read_text() for path in Path(spec.origin).parents[1].rglob("*.py"))
    names = sorted(set(re.findall(r"\bnx\.([a-zA-Z_.]*[a-zA-Z_])", sources)))
    assert "DiGraph" in names
    outcome = subprocess.run(
        [sys.executable, "-c", _SCRIPT, json.dumps(names)], capture_output=True, text=True, check=False
    )
    assert outcome.returncode == 0, outcome.stderr
    assert int(outcome.stdout) < 80
