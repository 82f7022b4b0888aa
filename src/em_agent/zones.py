"""The names of time zones."""

from functools import cache
from importlib.resources import files
from zoneinfo import ZoneInfo


def zone_of(name: str) -> ZoneInfo:
    """The time zone of that IANA name.

    A system keeps other files beside its zones, such as `localtime`, which mean something else on each machine. And
    among the zones is `Factory`, the clock of a machine on which nobody has set one.

    Raises:
        ValueError: there is none.

    """
    if name not in _names():
        raise ValueError(name)
    return ZoneInfo(name)


@cache
def _names() -> frozenset[str]:
    return frozenset((files("tzdata") / "zones").read_text("utf-8").split()) - {"Factory"}
