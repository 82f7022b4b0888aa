"""The fixtures of tests that need marts."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from marts import database_url, server_url, transformer  # noqa: E402, F401
