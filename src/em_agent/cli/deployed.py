"""`em-agent deployed`: tell the running product of a deployment, from a pipeline or by hand."""

import json
import sys
import time
import uuid
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from em_agent.cli.client import call, where
from em_agent.errors import RetriableError

PATH = "/webhooks/deployment"
# The same body is posted again, which counts once: a pipeline need not fail for a moment without an answer.
PAUSES_SECONDS = (1.0, 3.0, 9.0)

# What GitHub Actions, GitLab, Jenkins, CircleCI, Buildkite, Bitbucket and Azure Pipelines set.
SHA = ["GITHUB_SHA", "CI_COMMIT_SHA", "GIT_COMMIT", "CIRCLE_SHA1", "BUILDKITE_COMMIT", "BITBUCKET_COMMIT",
       "BUILD_SOURCEVERSION"]  # fmt: skip
REPOSITORY = ["GITHUB_REPOSITORY", "CI_PROJECT_PATH", "BITBUCKET_REPO_FULL_NAME", "BUILD_REPOSITORY_NAME"]
RUN = ["GITHUB_RUN_ID", "CI_PIPELINE_ID", "BUILD_TAG", "CIRCLE_WORKFLOW_ID", "BUILDKITE_BUILD_ID",
       "BITBUCKET_PIPELINE_UUID", "BUILD_BUILDID"]  # fmt: skip
LINK = ["CI_PIPELINE_URL", "BUILD_URL", "CIRCLE_BUILD_URL", "BUILDKITE_BUILD_URL"]


def _of_pipeline(names: list[str], text: str) -> Any:  # noqa: ANN401 - typer's own type is private
    """An option that a pipeline's variables fill."""
    return typer.Option(envvar=names, show_envvar=False, help=f"{text} Default: the pipeline's.")


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command(name="deployed")(deployed)


def deployed(  # noqa: PLR0913 - the fields of a deployment
    service: Annotated[str, typer.Option(help="What was deployed.")],
    environment: Annotated[str, typer.Option(envvar="CI_ENVIRONMENT_NAME", help="Where to, such as production.")],
    deployment_id: Annotated[
        str | None, typer.Option("--id", help="Default: the run of the pipeline, with service and environment.")
    ] = None,
    sha: Annotated[str | None, _of_pipeline(SHA, "Commit.")] = None,
    repository: Annotated[str | None, _of_pipeline(REPOSITORY, "Repository of the commit.")] = None,
    status: Annotated[str, typer.Option(help="success, failure or in_progress.")] = "success",
    kind: Annotated[str | None, typer.Option(help="planned, rollback or hotfix.")] = None,
    rollback_of: Annotated[str | None, typer.Option(help="Id of the deployment that this one takes back.")] = None,
    incident: Annotated[str | None, typer.Option(help="Id or number of the incident that this one mends.")] = None,
    started_at: Annotated[str | None, typer.Option(help="ISO 8601. Default while in progress: now.")] = None,
    finished_at: Annotated[str | None, typer.Option(help="ISO 8601. Default once finished: now.")] = None,
    link: Annotated[str | None, _of_pipeline(LINK, "Page of the run.")] = None,
    run: Annotated[str | None, typer.Option(envvar=RUN, hidden=True)] = None,
    attempt: Annotated[str | None, typer.Option(envvar="GITHUB_RUN_ATTEMPT", hidden=True)] = None,
    server: Annotated[str | None, typer.Option(envvar="GITHUB_SERVER_URL", hidden=True)] = None,
    url: Annotated[
        str | None, typer.Option(envvar="EM_AGENT_API_URL", help="Where the API is. Default: what runs here.")
    ] = None,
    key: Annotated[str | None, typer.Option(envvar="EM_AGENT_API_KEY", help="An API key, where one is asked.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,  # noqa: FBT002
) -> None:
    """Record a deployment, for the DORA metrics and beside incidents."""
    now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    is_finished = status != "in_progress"
    fields = {
        "id": deployment_id or default_id(run, attempt, service, environment),
        "service": service,
        "environment": environment,
        "sha": sha,
        "repository": repository,
        "status": status,
        "started_at": started_at or (None if is_finished else now),
        "finished_at": finished_at or (now if is_finished else None),
        "kind": kind,
        "rollback_of": rollback_of,
        "incident": incident,
        "url": link or (f"{server}/{repository}/actions/runs/{run}" if server and repository and run else None),
    }
    body = {name: value for name, value in fields.items() if value}
    answer = _post(*where(url, key), body)
    if as_json:
        sys.stdout.write(json.dumps({**answer, "deployment": body["id"]}) + "\n")
        return
    verb = "was recorded before" if answer["status"] == "duplicate" else "is recorded"
    sys.stdout.write(f"Deployment {body['id']} of {service} to {environment} {verb}, as event {answer['id']}.\n")


def default_id(run: str | None, attempt: str | None, service: str, environment: str) -> str:
    """The same id for every post of one deployment by one run of a pipeline, and another for every other one."""
    if not run:
        return uuid.uuid4().hex
    again = f".{attempt}" if attempt not in {None, "", "1"} else ""
    return f"{run}{again}/{service}/{environment}"


def _post(url: str, key: str | None, body: dict[str, Any]) -> dict[str, Any]:
    for pause in PAUSES_SECONDS:
        try:
            return dict(json.loads(call(url, key, PATH, body=body)))
        except RetriableError:
            time.sleep(pause)
    return dict(json.loads(call(url, key, PATH, body=body)))
