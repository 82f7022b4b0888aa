"""Durations for people."""

_MINUTE, _HOUR, _DAY = 60, 3600, 86_400


def shown_span(seconds: float | None) -> str:
    """The duration as people say it; a dash where it is unknown."""
    if seconds is None:
        return "-"
    size = abs(seconds)
    sign = "-" if seconds < 0 else ""
    if size < _MINUTE:
        return f"{sign}{size:.1f}s"
    if size < _HOUR:
        return f"{sign}{int(size // _MINUTE)}m{int(size % _MINUTE):02}s"
    if size < _DAY:
        return f"{sign}{int(size // _HOUR)}h{int(size % _HOUR // _MINUTE):02}m"
    return f"{sign}{int(size // _DAY)}d{int(size % _DAY // _HOUR):02}h"
