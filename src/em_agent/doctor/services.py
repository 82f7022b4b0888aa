"""Examines the parts that answer HTTP, and the secrets that they verify with."""

from collections.abc import Mapping

import httpx2

from em_agent.doctor.report import Check, fail, ok, warn

_ANSWER_SECONDS = 5.0
_LONGEST_ANSWER = 120


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


def examine_secrets(secrets: Mapping[str, tuple[str, int]], *, takes_unsigned: bool) -> list[Check]:
    """Whether each source, by its name, has secrets under the setting's name; the number says how many."""
    risk = "accepted: anybody who reaches us can send" if takes_unsigned else "refused with 403"
    checks = []
    for source, (setting, count) in secrets.items():
        name = f"secret: {source}"
        if count:
            checks.append(ok(name, f"{setting} holds {count}."))
        else:
            advice = f"Set {setting} to the secret of the webhook subscription."
            checks.append(warn(name, f"There is none: deliveries are {risk}.", advice))
    return checks
