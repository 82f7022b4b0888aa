"""Where things of ours are, and which addresses that others wrote may be followed."""

from urllib.parse import quote, urlsplit

from em_agent.ask.sources import INCIDENT_PREFIX

_MOST_CHARACTERS = 2_000


def incident_path(incident_id: str) -> str:
    """The incident's page; an id is whatever its sender wrote."""
    return f"/incidents/{quote(incident_id, safe='')}"


def document_path(document_id: str) -> str | None:
    """The page of the incident that the document is about; None where it is about none."""
    is_incident = document_id.startswith(INCIDENT_PREFIX)
    return incident_path(document_id.removeprefix(INCIDENT_PREFIX)) if is_incident else None


def web_link(url: str | None) -> str | None:
    """The address if it is one of the web, else None: another scheme may be a script."""
    if not url or len(url) > _MOST_CHARACTERS or not url.isprintable():
        return None
    try:
        parts = urlsplit(url.strip())
    except ValueError:
        return None
    return url.strip() if parts.scheme in {"http", "https"} and parts.netloc else None
