"""What became of everything received: `GET outcomes`."""

import time
from typing import Any

from litestar import Request, get
from litestar.response import Response

from api.dates import date_range
from api.parameters import Project, answer, parameters_of
from api.reads import reading
from clickhouse.queries.outcomes import BUCKETS, FATES, count_outcomes

DAY_S = 86_400
# What a DateTime holds.
LATEST_S = (1 << 32) - 1


@get("/outcomes")
async def get_outcomes(request: Request[Any, Any, Any], project: Project) -> Response[bytes]:
    """Answers the outcomes of a range, by default of the last 24 hours."""
    parameters = parameters_of(request)
    kind, outcome = parameters.text("kind"), parameters.choice("outcome", ("received", *FATES))
    interval = parameters.choice("interval", tuple(BUCKETS)) or "minute"
    parameters.check()
    first, last = date_range(parameters)
    to_s = int(time.time()) if last is None else _seconds(last)
    from_s = max(to_s - DAY_S, 0) if first is None else _seconds(first)
    # A minute counts where the range touches it.
    between_s = (from_s - from_s % 60, to_s)
    async with reading(request, project) as warehouse:
        found = await count_outcomes(
            warehouse,
            project,
            between_s=between_s,
            kind=kind,
            outcome=outcome,
            interval=interval,
        )
    return answer(found)


def _seconds(moment_us: int) -> int:
    return min(max(moment_us // 1_000_000, 0), LATEST_S)


HANDLERS = (get_outcomes,)
