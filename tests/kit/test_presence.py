"""The roll call over NATS."""

from nats.aio.client import Client

from em_agent.kit.presence import announce, present


async def test_only_who_is_well_answers(nats_client: Client) -> None:
    """A part that works is present, one that only lives is not."""
    state = {"well": True, "ill": False}
    await announce(nats_client, "well", lambda: state["well"])
    await announce(nats_client, "ill", lambda: state["ill"])
    assert await present(nats_client, {"well"}, timeout_seconds=5) == {"well"}
    assert await present(nats_client, {"well", "ill"}, timeout_seconds=0.3) == {"well"}
    state["ill"] = True
    assert await present(nats_client, {"well", "ill"}, timeout_seconds=5) == {"well", "ill"}
