"""The groups of an answer: which there are, with what keys, in what order."""

from collections.abc import Collection, Iterable, Sequence
from itertools import product

from em_agent.errors import InvalidError
from em_agent.metrics.buckets import Buckets

# Each takes some tenth of a millisecond, and room, away from the webhooks that the same process takes.
MOST_GROUPS = 20_000

Place = tuple[tuple[str | None, ...], int]
Key = dict[str, str | None]


def lay_out(
    group_by: Sequence[str], labels: Sequence[str], found: Collection[Place], buckets: Buckets | None
) -> Iterable[tuple[Place, Key]]:
    """The place and the key of every group, in the order of keys, null last.

    A place is the values of `labels` and the number of the bucket. Those in `found` have something to show; values that
    are in none have no group, buckets that are in none have one.

    Raises:
        InvalidError: there would be more than `MOST_GROUPS`.

    """
    times: list[dict[str, str]] = list(buckets.keys) if buckets else [{}]
    values = {value for value, _ in found} if labels else {()}
    if len(values) * len(times) > MOST_GROUPS:
        message = f"That would be more than {MOST_GROUPS:,} groups: ask for a shorter window or fewer groupings."
        raise InvalidError(message)
    groups: list[tuple[Place, Key]] = []
    for value, (number, time) in product(values, enumerate(times)):
        key: Key = {**dict(zip(labels, value, strict=True)), **time}
        groups.append(((value, number), {name: key[name] for name in group_by}))
    return sorted(groups, key=lambda group: [(part is None, part or "") for part in group[1].values()])
