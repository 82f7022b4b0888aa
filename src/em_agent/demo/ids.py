"""Identifiers as PagerDuty writes them, drawn from a seeded generator or made from a name."""

from datetime import datetime
from hashlib import sha256
from random import Random
from uuid import UUID

_BASE36 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def id_of(kind: str, name: str) -> str:
    """The 7-character id that the thing of this kind and name always has."""
    number = int.from_bytes(sha256(f"{kind}/{name}".encode()).digest()[:8], "big")
    return "P" + _digits(number, _BASE36, 6)


def draw_incident_id(rng: Random) -> str:
    """An incident's id: 14 characters and a `Q`, or 7 and a `P` as older accounts have them."""
    return rng.choices(("Q" + _draw(rng, _BASE36, 13), "P" + _draw(rng, _BASE36, 6)), (9, 1))[0]


def draw_note_id(rng: Random) -> str:
    """The id of a note or another thing that belongs to an incident."""
    return "P" + _draw(rng, _BASE36, 6)


def draw_event_id(rng: Random, at: datetime) -> str:
    """A ULID: 26 characters, of which the first ten tell the millisecond."""
    return _digits(int(at.timestamp() * 1000), _CROCKFORD, 10) + _draw(rng, _CROCKFORD, 16)


def draw_workflow_event_id(rng: Random) -> str:
    """The id of a workflow's event, which is a long decimal number."""
    return str(rng.randrange(10**37, 10**38))


def draw_uuid(rng: Random) -> str:
    """A random UUID, as in `X-Webhook-Id`."""
    return str(UUID(int=rng.getrandbits(128), version=4))


def _draw(rng: Random, alphabet: str, length: int) -> str:
    return "".join(rng.choices(alphabet, k=length))


def _digits(number: int, alphabet: str, length: int) -> str:
    text = ""
    for _ in range(length):
        number, digit = divmod(number, len(alphabet))
        text = alphabet[digit] + text
    return text
