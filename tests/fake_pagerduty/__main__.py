"""Starts one by hand."""

import argparse
import asyncio

from tests.fake_pagerduty import ADMIN, FakePagerDuty, generate, pagerduty_on


async def _serve(options: argparse.Namespace) -> None:
    fake = FakePagerDuty(generate(options.incidents, seed=options.seed, days=options.days))
    fake.rate_limit = options.rate_limit or None
    async with pagerduty_on(fake, options.port):
        print(f"PAGERDUTY_API_URL={fake.url} PAGERDUTY_API_TOKEN={ADMIN}", flush=True)  # noqa: T201
        while True:
            await asyncio.sleep(3600)


def main() -> None:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(prog="tests.fake_pagerduty")
    parser.add_argument("--incidents", type=int, default=2000)
    parser.add_argument("--days", type=int, default=365)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--rate-limit", type=int, default=960, help="requests a minute; 0 for none")
    asyncio.run(_serve(parser.parse_args()))


main()
