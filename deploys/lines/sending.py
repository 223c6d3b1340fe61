"""Lines go into the event log."""

import time
from collections.abc import Sequence

import msgspec

from deploys.lines.writing import LogRefused, Send
from eventlog.log import EventLog, LogError
from eventlog.producer import Items, produce_in_order
from schemas.deploys.lines import Line, line_id
from schemas.kinds import DEPLOY_LINE
from schemas.projects import ProjectId

_encode = msgspec.json.Encoder().encode


def sender(log: EventLog) -> Send:
    """Returns what writes lines of deployments into a log."""

    async def send(project_id: ProjectId, lines: Sequence[Line]) -> None:
        deployment_id = lines[0].deployment_id
        ids = [line_id(deployment_id, line.seq) for line in lines]
        items = Items(DEPLOY_LINE, [_encode(line) for line in lines], ids)
        try:
            await produce_in_order(log, project_id, items, deployment_id, time.time_ns())
        except LogError as error:
            raise LogRefused(str(error)) from error

    return send
