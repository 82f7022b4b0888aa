"""A small year for all tests of the demo: half a year's worth of mishaps in a few weeks."""

from datetime import UTC, datetime

import pytest

from em_agent.demo.year import Year, make_year

END = datetime(2026, 3, 18, 9, 30, tzinfo=UTC)


@pytest.fixture(scope="session")
def year() -> Year:
    """A busy quarter, whose end lies on a Wednesday."""
    return make_year(END, seed=7, incidents=600, days=91)
