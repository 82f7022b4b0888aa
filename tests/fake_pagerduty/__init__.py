"""A PagerDuty of our own: a real HTTP server with an account that it knows the truth of.

`python -m tests.fake_pagerduty --incidents 12000 --port 8123` starts one by hand.
"""

from tests.fake_pagerduty.account import Account, Incident, Note
from tests.fake_pagerduty.faults import Fault, cut, fail, garble, hang, reset, say
from tests.fake_pagerduty.generate import generate
from tests.fake_pagerduty.server import ADMIN, READ_ONLY, FakePagerDuty, Token, pagerduty_on

__all__ = [
    "ADMIN", "READ_ONLY", "Account", "FakePagerDuty", "Fault", "Incident", "Note", "Token", "cut", "fail", "garble",
    "generate", "hang", "pagerduty_on", "reset", "say",
]  # fmt: skip
