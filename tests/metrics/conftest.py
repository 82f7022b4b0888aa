"""The fixtures of tests that need marts."""

from tests.marts import database_url, transformer  # noqa: F401
