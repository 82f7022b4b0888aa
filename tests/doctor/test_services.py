"""What the parts that answer HTTP say of themselves."""

from em_agent.doctor.services import examine_secrets, secrets_of_gateway
from tests.parts import gateway_on


async def test_the_secrets_are_those_of_the_gateway(database_url: str) -> None:
    """The gateway that runs tells how many secrets it has, whatever the environment of whoever asks."""
    async with gateway_on(database_url, PAGERDUTY_WEBHOOK_SECRET="one,two") as gateway:
        counts = await secrets_of_gateway(f"{gateway.url}/metrics")
    assert counts == {"pagerduty": 2}
    assert await secrets_of_gateway(f"{gateway.url}/metrics") is None  # it has stopped
    (check,) = examine_secrets({"pagerduty": "NAME"}, counts, judged_by="the gateway", takes_unsigned=False)
    assert (check.status, check.detail) == ("ok", "NAME holds 2, by the gateway.")
    (check,) = examine_secrets({"pagerduty": "NAME"}, {}, judged_by="the gateway", takes_unsigned=False)
    assert check.status == "warn"
    assert "403" in check.detail
