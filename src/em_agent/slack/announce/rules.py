"""Which channel an incident belongs to."""

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

import asyncpg


@dataclass(frozen=True, slots=True)
class Rule:
    """A channel, and what an incident has to be for it; what is empty fits any."""

    channel: str
    services: Sequence[str] = ()
    teams: Sequence[str] = ()
    urgencies: Sequence[str] = ()
    priorities: Sequence[str] = ()

    def fits(self, row: asyncpg.Record) -> bool:
        """Whether the incident is all that the rule names."""
        return (
            _is_among(self.services, [row["service"], row["service_id"]])
            and _is_among(self.teams, [*row["teams"], *row["team_ids"]])
            and _is_among(self.urgencies, [row["urgency"]])
            and _is_among(self.priorities, [row["priority"]])
        )


def channel_for(rules: Sequence[Rule], row: asyncpg.Record) -> str | None:
    """The channel of the first rule that fits; None where none does."""
    return next((rule.channel for rule in rules if rule.fits(row)), None)


def _is_among(patterns: Sequence[str], names: Sequence[str | None]) -> bool:
    folded = [name.casefold() for name in names if name]
    return not patterns or any(fnmatchcase(name, pattern.casefold()) for pattern in patterns for name in folded)
