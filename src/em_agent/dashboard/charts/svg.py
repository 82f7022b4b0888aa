"""Elements of SVG: everything in them is escaped."""

from collections.abc import Iterable, Sequence

from markupsafe import Markup

Point = tuple[float, float]
Attribute = str | float | None


def element(name: str, *children: Markup | str, **attributes: Attribute) -> Markup:
    """The element; `class_` is its class, `stroke_width` its `stroke-width`, and what is None it does not have."""
    pairs = Markup("").join(
        Markup(' {}="{}"').format(key.rstrip("_").replace("_", "-"), short(value) if _is_number(value) else value)
        for key, value in attributes.items()
        if value is not None
    )
    inner = Markup("").join(children)
    return Markup("<{}{}>{}</{}>").format(name, pairs, inner, name) if inner else Markup("<{}{}/>").format(name, pairs)


def drawing(title: str, description: str, size: tuple[int, int], *children: Markup, **attributes: Attribute) -> Markup:
    """A picture that tells what it shows: the title is its name, the description what one would see."""
    width, height = size
    named = (element("title", title), element("desc", description))
    return element(
        "svg",
        *named,
        *children,
        role="img",
        aria_label=f"{title}. {description}",
        viewBox=f"0 0 {width} {height}",
        **attributes,
    )


def path(points: Sequence[Point]) -> str:
    """The way through the points."""
    return "M" + "L".join(f"{short(x)} {short(y)}" for x, y in points)


def area(above: Sequence[Point], below: Sequence[Point]) -> str:
    """The way round what lies between two lines."""
    return f"{path([*above, *reversed(below)])}Z"


def stretches(values: Iterable[Point | None]) -> list[list[Point]]:
    """The points in runs without a gap: a line goes through no value that is unknown."""
    runs: list[list[Point]] = [[]]
    for value in values:
        if value is not None:
            runs[-1].append(value)
        elif runs[-1]:
            runs.append([])
    return [run for run in runs if run]


def short(number: Attribute) -> str:
    """The number with a digit of a fraction at most."""
    return f"{float(number or 0):.1f}".removesuffix(".0")


def _is_number(value: Attribute) -> bool:
    return isinstance(value, int | float)
