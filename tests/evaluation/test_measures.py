"""Proves tests/evaluation/measures.py."""

import pytest

from tests.evaluation.measures import is_quoted, ndcg, recall, sentences


def test_ndcg_is_one_for_the_best_order() -> None:
    """Grades in falling order gain all there is, in another order less, and nothing found gains nothing."""
    grades = {"a": 2, "b": 1}
    assert ndcg(["a", "b", "x"], grades) == pytest.approx(1.0)
    assert ndcg(["b", "a"], grades) == pytest.approx((1 + 2 / 1.584962) / (2 + 1 / 1.584962), abs=1e-5)
    assert ndcg(["x", "y"], grades) == 0


def test_recall_counts_the_first_ten_only() -> None:
    """What stands behind the tenth place was not found."""
    assert recall(["x"] * 9 + ["a", "b"], {"a": 2, "b": 1}) == 0.5
    assert recall(["a"], {"a": 2}) == 1


def test_a_fact_counts_within_the_first_sentences() -> None:
    """A fact that stands in the fourth sentence of the quotes was not told."""
    quotes = ["One. Two.\nThree", "The fuse  was\n bent. Five"]
    assert sentences(quotes[0]) == ["One.", "Two.", "Three"]
    assert is_quoted(["fuse was"], ["The fuse  was", "bent."])
    assert not is_quoted(["fuse was"], quotes)
    assert is_quoted(["fuse was"], quotes, within=4)
