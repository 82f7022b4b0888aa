"""Lines over time: a median with the band up to the 90th percentile, or shares."""

from collections.abc import Sequence

from markupsafe import Markup

from em_agent.dashboard import formats
from em_agent.dashboard.charts import svg
from em_agent.dashboard.charts.frame import BOTTOM, HEIGHT, TOP, Frame
from em_agent.dashboard.charts.scales import Scale, duration_scale, share_scale

_DOTTED = 60  # points, up to which each has a dot


def band(frame: Frame, title: str, low: Sequence[float | None], high: Sequence[float | None], kind: str) -> Markup:
    """Durations as a line (`low`, the median) with a band up to `high`, the 90th percentile; gaps where unknown."""
    known = [value for value in (*low, *high) if value is not None]
    scale = duration_scale(max(known, default=60), HEIGHT - BOTTOM, TOP)
    below, above = _points(frame, scale, low), _points(frame, scale, high)
    both = [(one, other) if one and other else None for one, other in zip(below, above, strict=True)]
    marks = [
        *_bands(both, kind),
        *_line(above, f"edge {kind}"),
        *_line(below, f"line {kind}"),
        *_dots(frame, below, kind),
    ]
    spoken = _spoken(frame, [value for value in low if value is not None])
    return frame.draw(title, spoken, scale, formats.round_duration, *marks)


def shares(frame: Frame, title: str, lines: Sequence[tuple[str, Sequence[float | None]]]) -> Markup:
    """Ratios from nothing to all, a line for each kind."""
    scale = share_scale(HEIGHT - BOTTOM, TOP)
    marks: list[Markup] = []
    for kind, values in lines:
        points = _points(frame, scale, values)
        marks += [*_line(points, f"line {kind}"), *_dots(frame, points, kind)]
    return frame.draw(title, f"By {frame.unit}, {len(frame.stretches)} in all.", scale, formats.percent, *marks)


def _points(frame: Frame, scale: Scale, values: Sequence[float | None]) -> list[svg.Point | None]:
    return [
        None if value is None else (frame.middle(number), scale.place(value)) for number, value in enumerate(values)
    ]


def _bands(both: Sequence[tuple[svg.Point, svg.Point] | None], kind: str) -> list[Markup]:
    """What lies between the lines; a value that stands alone has a stroke."""
    runs: list[list[tuple[svg.Point, svg.Point]]] = [[]]
    for pair in both:
        if pair:
            runs[-1].append(pair)
        else:
            runs.append([])
    areas = []
    for run in runs:
        if len(run) == 1:
            (x, y), (_, top) = run[0]
            areas.append(svg.element("rect", x=x - 3, width=6, y=top, height=max(y - top, 0), class_=f"band {kind}"))
        elif run:
            areas.append(
                svg.element(
                    "path", d=svg.area([high for _, high in run], [low for low, _ in run]), class_=f"band {kind}"
                )
            )
    return areas


def _line(points: Sequence[svg.Point | None], classes: str) -> list[Markup]:
    return [svg.element("path", d=svg.path(run), class_=classes) for run in svg.stretches(points) if len(run) > 1]


def _dots(frame: Frame, points: Sequence[svg.Point | None], kind: str) -> list[Markup]:
    """A dot for each value, hollow where the window cuts the stretch; of many, those that stand alone."""
    dots = []
    for number, point in enumerate(points):
        is_alone = not any(points[near] for near in (number - 1, number + 1) if 0 <= near < len(points))
        if point and (is_alone or len(points) <= _DOTTED):
            part = "" if frame.stretches[number].is_whole else " part"
            dots.append(svg.element("circle", cx=point[0], cy=point[1], r=3, class_=f"dot {kind}{part}"))
    return dots


def _spoken(frame: Frame, values: Sequence[float]) -> str:
    if not values:
        return "No value is known."
    return (
        f"Medians by {frame.unit} from {formats.duration(min(values))} to {formats.duration(max(values))}; "
        f"the last known is {formats.duration(values[-1])}."
    )
