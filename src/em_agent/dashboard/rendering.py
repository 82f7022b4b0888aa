"""Pages out of templates: everything escaped, and nothing that is missing shown as empty."""

from collections.abc import Mapping
from datetime import datetime
from functools import cache
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from em_agent import __version__
from em_agent.dashboard import formats, links
from em_agent.dashboard.assets import address
from em_agent.dashboard.windows import PRESETS

NAVIGATION = (
    ("/", "Overview"),
    ("/services", "Services"),
    ("/incidents", "Incidents"),
    ("/ask", "Ask"),
    ("/dora", "DORA"),
    ("/health", "Health"),
)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("em_agent.dashboard"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.filters.update(
        duration=formats.duration,
        number=formats.number,
        percent=formats.percent,
        ago=formats.ago,
        path_part=lambda text: quote(str(text), safe=""),
    )
    environment.filters.update(
        shorten=formats.shorten,
        incident_path=links.incident_path,
        document_path=links.document_path,
        web_link=links.web_link,
    )
    environment.globals.update(
        address=address, script=_script, navigation=NAVIGATION, presets=PRESETS, version=__version__, zip=zip
    )
    return environment


def render(template: str, values: Mapping[str, Any], zone: ZoneInfo, now: datetime) -> str:
    """The template with the values; its `day`, `moment` and `span` are those of the time zone, its `ago` before now."""
    times = {
        "day": lambda at: formats.day(at, zone),
        "moment": lambda at: formats.moment(at, zone),
        "ago": lambda at: formats.ago(at, now),
        "span": lambda since, until: formats.span(since, until, zone),
    }
    return _environment().get_template(template).render({**times, **values})


def _script(name: str) -> Markup:
    """What loads the module of that name from the static files."""
    return Markup('<script type="module" src="{}"></script>').format(escape(address(name)))
