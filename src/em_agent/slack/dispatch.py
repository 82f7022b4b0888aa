"""Hands jobs to the listener that they are for, by Slack's own framework."""

from collections.abc import Awaitable, Callable

import structlog
from slack_bolt.app.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.error import BoltUnhandledRequestError
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_sdk.web.async_client import AsyncWebClient

from em_agent.slack.answers.sources import Sources
from em_agent.slack.jobs import Job
from em_agent.slack.listeners import clicks, commands, events
from em_agent.slack.listeners.outcome import JOB, OUTCOME, Outcome

Dispatch = Callable[[Job], Awaitable[Outcome]]

log = structlog.get_logger()


def build_dispatch(sources: Sources, web: AsyncWebClient) -> Dispatch:
    """What gives a job's outcome. It asks nothing of Slack: who may call us was settled when the job was taken."""

    async def authorize() -> AuthorizeResult:
        return AuthorizeResult(enterprise_id=None, team_id=None, bot_token=web.token)

    app = AsyncApp(
        client=web,
        authorize=authorize,
        process_before_response=True,
        raise_error_for_unhandled_request=True,
        request_verification_enabled=False,
        ignoring_self_events_enabled=False,
        ssl_check_enabled=False,
        url_verification_enabled=False,
        attaching_function_token_enabled=False,
    )

    @app.error
    async def on_error(error: Exception) -> None:
        raise error

    for topic in (commands, clicks, events):
        topic.register(app, sources)

    async def dispatch(job: Job) -> Outcome:
        request = AsyncBoltRequest(body=dict(job.payload), mode="socket_mode", context={JOB: job})
        try:
            await app.async_dispatch(request)
        except BoltUnhandledRequestError:
            log.info("slack.unknown", kind=job.kind, job=job.id)
        outcome = request.context.get(OUTCOME)
        return outcome if isinstance(outcome, Outcome) else Outcome()

    return dispatch
