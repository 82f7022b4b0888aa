"""What is an address, and how it is reached."""

import pytest

from em_agent.addresses import goes_direct


@pytest.mark.parametrize(
    ("url", "is_direct"),
    [
        ("http://localhost:8000", True),
        ("http://127.0.0.2:8000/v1", True),
        ("http://[::1]:8000", True),
        ("https://models.internal/v1", True),
        ("https://api.pagerduty.com", False),
        ("https://localhost.example.com", False),
        ("http://[", False),
    ],
)
def test_direct(monkeypatch: pytest.MonkeyPatch, url: str, *, is_direct: bool) -> None:
    """This machine is reached without the proxy that the environment names, and so is what NO_PROXY has."""
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy:3128")
    monkeypatch.setenv("NO_PROXY", ".internal")
    assert goes_direct(url) is is_direct
