"""The configuration of the embedded PostgreSQL."""

from pathlib import Path

import pytest

from em_agent.embedded import postgres_settings


@pytest.mark.parametrize(("data_megabytes", "shared"), [(0, "16MB"), (512, "64MB"), (5000, "128MB")])
def test_buffers_follow_the_data(tmp_path: Path, data_megabytes: int, shared: str) -> None:
    """A cluster has buffers for an eighth of its data, within bounds."""
    base = tmp_path / "base" / "5"
    base.mkdir(parents=True)
    with (base / "1234").open("wb") as table:
        table.truncate(data_megabytes * 2**20)
    postgres_settings.write(tmp_path, None)
    assert f"\nshared_buffers = {shared}\n" in (tmp_path / "postgresql.conf").read_text()
