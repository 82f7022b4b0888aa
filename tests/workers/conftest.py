"""The fixtures of tests that need marts."""

from tests.marts import bare_url as database_url  # noqa: F401
from tests.marts import transformer  # noqa: F401
