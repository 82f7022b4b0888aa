"""Which addresses may be followed, and where incidents are."""

import pytest

from em_agent.dashboard.links import document_path, incident_path, web_link


@pytest.mark.parametrize(
    "url",
    [
        None, "", "javascript:alert(1)", "JavaScript:alert(1)", " javascript:alert(1)", "java\nscript:alert(1)", "data:text/html,x",
        "//evil.example.com", "/local", "https://", "http://[", "https://a.example.com/\n", "https://a.example.com/" + "x" * 2_000,
        "vbscript:x", "mailto:a@example.com", "\u202ehttps://a.example.com",
    ],
)  # fmt: skip
def test_no_link(url: str | None) -> None:
    """What is no address of the web, or could be a script, is not linked."""
    assert web_link(url) is None


@pytest.mark.parametrize("url", ["https://acme.example.com/incidents/P1", "http://10.0.0.1:8080/x?y=<z>#a"])
def test_link(url: str) -> None:
    """An address of the web is linked as it is."""
    assert web_link(url) == url


def test_paths() -> None:
    """An id is one segment of the path, whatever is in it; a document that is no incident has no page."""
    assert incident_path("P/../?q=<i>&#%41") == "/incidents/P%2F..%2F%3Fq%3D%3Ci%3E%26%23%2541"
    assert document_path("pagerduty:incident:P 1") == "/incidents/P%201"
    assert document_path("runbook-1") is None
