"""Bands and scores."""

import pytest

from em_agent.metrics.dora.editions import editions

DAY = 86_400.0


@pytest.mark.parametrize(
    ("metric", "value", "band"),
    [
        ("deployment_frequency", 1.0, "elite"),
        ("deployment_frequency", 29 / 30, "high"),
        ("deployment_frequency", 13 / 91, "high"),
        ("deployment_frequency", 12 / 91, "medium"),
        ("deployment_frequency", 3 / 90, "medium"),
        ("deployment_frequency", 1 / 31, "low"),
        ("lead_time_for_changes_seconds", DAY - 0.001, "elite"),
        ("lead_time_for_changes_seconds", DAY, "high"),
        ("lead_time_for_changes_seconds", 7 * DAY, "medium"),
        ("lead_time_for_changes_seconds", 30 * DAY, "low"),
        ("change_failure_rate", 0.0, "elite"),
        ("change_failure_rate", 1 / 20, "elite"),
        ("change_failure_rate", 0.051, "high"),
        ("change_failure_rate", 1 / 10, "high"),
        ("change_failure_rate", 3 / 20, "medium"),
        ("change_failure_rate", 0.16, "low"),
        ("failed_deployment_recovery_time_seconds", 0.0, "elite"),
        ("failed_deployment_recovery_time_seconds", 3600.0, "high"),
        ("failed_deployment_recovery_time_seconds", DAY, "medium"),
        ("failed_deployment_recovery_time_seconds", 7 * DAY, "low"),
        ("deployment_rework_rate", 0.0, None),
        ("change_failure_rate", None, None),
    ],
)
def test_bands_of_2023(metric: str, value: float | None, band: str | None) -> None:
    """A figure on a limit has the band that the table's sign gives it; an unknown one has none."""
    assert editions()["2023"].band(metric, value) == band
    assert editions()["2025"].band(metric, value) is None
    assert editions()["2023"].score(metric, value) is None


@pytest.mark.parametrize(
    ("metric", "value", "score"),
    [
        ("deployment_frequency", 2.0, 10),
        ("deployment_frequency", 1.9, 8),
        ("deployment_frequency", 1.0, 8),
        ("deployment_frequency", 1 / 7, 6),
        ("deployment_frequency", 1 / 30, 4),
        ("deployment_frequency", 1 / 180, 2),
        ("deployment_frequency", 1 / 365, 0),
        ("lead_time_for_changes_seconds", 3599.0, 10),
        ("lead_time_for_changes_seconds", 3600.0, 8),
        ("failed_deployment_recovery_time_seconds", DAY, 6),
        ("failed_deployment_recovery_time_seconds", 7 * DAY, 4),
        ("lead_time_for_changes_seconds", 30 * DAY, 2),
        ("lead_time_for_changes_seconds", 180 * DAY, 0),
        ("lead_time_for_changes_seconds", None, None),
    ],
)
def test_scores_of_2025(metric: str, value: float | None, score: float | None) -> None:
    """Answers of the Quick Check map evenly from 10 to 0."""
    assert editions()["2025"].score(metric, value) == score


def test_scores_of_shares() -> None:
    """No failure is 10, nothing but failures 0; only an edition with scores has them."""
    edition = editions()["2025"]
    assert [edition.score_of_share(ratio) for ratio in (0.0, 0.25, 1.0, None)] == [10.0, 7.5, 0.0, None]
    assert editions()["2023"].score_of_share(0.5) is None
