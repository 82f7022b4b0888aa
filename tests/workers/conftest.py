"""The fixtures of tests that need marts."""

from tests.marts import bare_url, database_url, transformer  # noqa: F401
