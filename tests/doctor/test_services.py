"""What the parts that answer HTTP say of themselves."""

from em_agent.doctor.services import examine_secrets, secrets_of_gateway
from em_agent.integrations.pagerduty.webhook import SOURCE
from em_agent.integrations.registry import SOURCES
from tests.parts import gateway_on


async def test_the_secrets_are_those_of_the_gateway(database_url: str) -> None:
    """The gateway that runs tells how many secrets it has, whatever the environment of whoever asks."""
    async with gateway_on(database_url, PAGERDUTY_WEBHOOK_SECRET="one,two") as gateway:
        counts = await secrets_of_gateway(f"{gateway.url}/metrics")
    assert counts is not None
    assert counts["pagerduty"] == 2
    assert "deployment" not in counts
    assert await secrets_of_gateway(f"{gateway.url}/metrics") is None  # it has stopped
    (check,) = examine_secrets([SOURCE], counts, judged_by="the gateway", takes_unsigned=False)
    assert (check.status, check.detail) == ("ok", "PAGERDUTY_WEBHOOK_SECRET holds 2, by the gateway.")
    (check,) = examine_secrets([SOURCE], {}, judged_by="the gateway", takes_unsigned=False)
    assert check.status == "warn"
    assert "403" in check.detail


def test_sources_that_are_not_set_up_are_one_line() -> None:
    """The sources that an installation may well do without warn of nothing: one line names those without a secret."""
    signed = [source for source in SOURCES.values() if source.secret_env is not None]
    checks = examine_secrets(signed, {"pagerduty": 1, "jira": 1}, judged_by="the gateway", takes_unsigned=True)
    assert [(check.name, check.status) for check in checks] == [
        ("secret: pagerduty", "ok"),
        ("secret: jira", "ok"),
        ("sources not set up", "ok"),
    ]
    assert checks[-1].detail == "github, linear, shortcut, by the gateway."
