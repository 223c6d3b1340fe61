"""What the process of a page knows of this moment: its stream, its parts, dead letters."""

import asyncio
from collections.abc import Mapping
from typing import NamedTuple, cast

import structlog

from api.auth import AnyRequest
from api.dead_letters import ProjectDeadLetters
from api.operations import Operations
from api.pages.pipeline.standing import Ask, Standing, State, state_of
from eventlog.dead_letters import Summary
from eventlog.log import LogError
from schemas.projects import ProjectId

WAIT_S = 2.5
"""More than a part has to answer `/ready`, less than a person waits for a page."""

log = structlog.get_logger(__name__)


class Now(NamedTuple):
    """This moment."""

    state: State
    standing: Standing
    ready: Mapping[str, str]
    """By part: `ok`, or why not, which only the operator is told."""


class Waiting(NamedTuple):
    """A project's dead letters, or why they are not known."""

    summaries: list[Summary]
    problem: str = ""


async def now_of(request: AnyRequest) -> Now:
    """Ask the process; what does not answer in time is unknown."""
    operations = cast("Operations", request.app.state.operations)
    standing, ready = await asyncio.gather(_standing(request), operations.readiness.get())
    return Now(state_of(standing, ready), standing, ready)


async def waiting_of(request: AnyRequest, project_id: ProjectId) -> Waiting:
    """Return the project's dead letters."""
    held = dead_letters_in(request)
    if held is None:
        return Waiting([], NO_LOG)
    try:
        return Waiting(await held.summaries(project_id))
    except LogError as error:
        log.warning("dead letters cannot be read", reason=str(error))
        return Waiting([], "The log does not answer. Dead letters stay in it: reload soon.")


def dead_letters_in(request: AnyRequest) -> ProjectDeadLetters | None:
    """Return what the process gives to reach them, `None` where it knows no log."""
    found: ProjectDeadLetters | None = request.app.state.get("dead_letters")
    return found


NO_LOG = (
    "This process is not told where the log is: set SLUICE_KAFKA_URL for it. Until then, sluice"
    " dead shows them."
)


async def _standing(request: AnyRequest) -> Standing:
    ask: Ask | None = request.app.state.get("standing")
    if ask is None:
        return Standing(unknown={"lag_s": NO_LOG})
    try:
        async with asyncio.timeout(WAIT_S):
            return await ask()
    except TimeoutError:
        return Standing(unknown={"lag_s": f"The log does not answer within {WAIT_S:g} s."})
