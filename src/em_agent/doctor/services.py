"""Examines the parts that answer HTTP, and the secrets that they verify with."""

import re
from collections.abc import Mapping, Sequence

import httpx2

from em_agent.doctor.report import Check, fail, ok, warn
from em_agent.integrations.source import WebhookSource

_ANSWER_SECONDS = 5.0
_LONGEST_ANSWER = 120
_SECRETS = re.compile(r'^em_agent_source_secrets\{source="([^"]+)"\} ([0-9.]+)$', re.MULTILINE)


async def examine_services(addresses: Mapping[str, str]) -> list[Check]:
    """Whether each health address, by the name of its part, answers 200."""
    async with httpx2.AsyncClient(timeout=_ANSWER_SECONDS, trust_env=False) as client:
        return [await _service(client, name, url) for name, url in addresses.items()]


async def _service(client: httpx2.AsyncClient, name: str, url: str) -> Check:
    try:
        response = await client.get(url)
    except httpx2.HTTPError as error:
        detail = f"{url} does not answer ({type(error).__name__})."
        return fail(name, detail, f"Start it: `em-agent up`, or `em-agent {name}` where each part runs alone.")
    if response.is_success:
        return ok(name, f"{url} answers.")
    said = " ".join(response.text.split())[:_LONGEST_ANSWER]
    return fail(name, f"{url} answers {response.status_code}: {said}", "See what it logs.")


async def secrets_of_gateway(url: str) -> dict[str, int] | None:
    """How many secrets the gateway that runs there verifies each source with; None if it does not say."""
    try:
        async with httpx2.AsyncClient(timeout=_ANSWER_SECONDS, trust_env=False) as client:
            text = (await client.get(url)).text
    except httpx2.HTTPError:
        return None
    return {source: int(float(count)) for source, count in _SECRETS.findall(text)} or None


def examine_secrets(
    sources: Sequence[WebhookSource], counts: Mapping[str, int], *, judged_by: str, takes_unsigned: bool
) -> list[Check]:
    """Whether each source has secrets; those that an installation may well do without share one line."""
    risk = "accepted: anybody who reaches us can send" if takes_unsigned else "refused with 403"
    checks, unused = [], []
    for source in sources:
        name = f"secret: {source.name}"
        count = counts.get(source.name, 0)
        if count:
            checks.append(ok(name, f"{source.secret_env} holds {count}, by {judged_by}."))
        elif source.is_expected:
            advice = f"Set {source.secret_env} to the secret of the webhook subscription."
            checks.append(warn(name, f"There is none, by {judged_by}: deliveries are {risk}.", advice))
        else:
            unused.append(source.name)
    if unused:
        checks.append(ok("sources not set up", f"{', '.join(unused)}, by {judged_by}."))
    return checks
