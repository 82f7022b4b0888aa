"""A Slack of the tests' own: it signs, waits three seconds, repeats, limits and refuses as the real one does."""

from tests.fake_slack.conversations import Said
from tests.fake_slack.limits import problems_of
from tests.fake_slack.markup import live_markup
from tests.fake_slack.server import Ack, FakeSlack, Rule

__all__ = ["Ack", "FakeSlack", "Rule", "Said", "live_markup", "problems_of"]
