"""What a prober that is elsewhere says to Sluice, over HTTP: which targets? Here is what I saw."""

from collections.abc import Mapping, Sequence

import aiohttp
import msgspec
import structlog
from yarl import URL

from probes.delivery import SendLater
from probes.following import SourceAway, SourceRejects
from schemas import metrics
from schemas.uptime.checks import Check
from schemas.uptime.probing import TargetsAnswer, TargetsAsk

TARGETS = "v1/probes/targets"
CHECKS = "v1/checks"
LONGEST_PAUSE_S = 300.0
"""More than this is not waited for, whatever is asked for."""
USUAL_PAUSE_S = 5.0
NOT_NOW = (429, 503)
NEVER = (400, 413, 422)
NO_ENTRY = (401, 403, 404, 405, 409, 422)
SHOWN_CHARS = 300

log = structlog.get_logger(__name__)


class _Answer(msgspec.Struct, frozen=True):
    status: int
    body: bytes
    retry_after_s: float

    def __str__(self) -> str:
        said = self.body[:SHOWN_CHARS].decode(errors="replace")
        return f"HTTP {self.status}: {' '.join(said.split())}"


class Edge:
    """Make it within the running loop, and close it there.

    `project_id` is whose results the prober's file holds, if it holds any: they are sent to no
    other project, and no other project's monitors are looked at.
    """

    def __init__(self, url: str, token: str, project_id: str) -> None:
        self._url = URL(url.rstrip("/") + "/")
        self._project_id = project_id
        self._is_known = False
        self._session = aiohttp.ClientSession(
            headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        )

    async def ask(self, ask: TargetsAsk) -> TargetsAnswer:
        """Takes a share of the region. Raises `SourceAway`, `SourceRejects`."""
        try:
            answer = await self._post(TARGETS, msgspec.json.encode(ask))
        except (aiohttp.ClientError, OSError) as error:
            raise SourceAway(f"{self._url.origin()} does not answer: {error!r}") from error
        if answer.status in NO_ENTRY:
            raise SourceRejects(f"{self._url.origin()} answers {answer}")
        if answer.status != 200:
            raise SourceAway(str(answer), retry_after_s=answer.retry_after_s)
        try:
            told = msgspec.json.decode(answer.body, type=TargetsAnswer)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise SourceRejects(f"{self._url.origin()} answers something else: {error}") from error
        self._check_project(told.project_id)
        return told

    async def send(self, checks: Sequence[Check]) -> None:
        """Sends what was seen; what will never be taken is dropped, and counted.

        Raises `SendLater`, `SourceAway`, `SourceRejects`, or what comes of a broken connection.
        """
        if not self._is_known:
            raise SendLater("not told yet whose prober this is", retry_after_s=1.0)
        answer = await self._post(CHECKS, msgspec.json.encode(checks))
        if answer.status in NOT_NOW:
            raise SendLater(str(answer), retry_after_s=answer.retry_after_s)
        if answer.status in NEVER:
            await self._send_parts(checks, answer)
        elif answer.status in NO_ENTRY:
            raise SourceRejects(str(answer))
        elif answer.status != 202:
            raise SourceAway(str(answer))

    async def close(self) -> None:
        """Closes the connections."""
        await self._session.close()

    async def _send_parts(self, checks: Sequence[Check], answer: _Answer) -> None:
        """Sends halves of what was rejected as a whole, so that one bad check is dropped alone."""
        if len(checks) == 1:
            metrics.PROBE_RESULTS_DROPPED.labels("rejected").inc()
            log.error("result rejected, and dropped", reason=str(answer))
            return
        half = len(checks) // 2
        await self.send(checks[:half])
        await self.send(checks[half:])

    async def _post(self, path: str, body: bytes) -> _Answer:
        # A redirect would take the key elsewhere.
        async with self._session.post(
            self._url / path, data=body, allow_redirects=False
        ) as response:
            read = await response.read()
            return _Answer(response.status, read, _retry_after_s(response.headers))

    def _check_project(self, project_id: str) -> None:
        if self._project_id and self._project_id != project_id:
            raise SourceRejects(
                f"this prober's files are of project {self._project_id}, its key is of another one:"
                " name another SLUICE_DATA_DIR"
            )
        self._project_id, self._is_known = project_id, True


def _retry_after_s(headers: Mapping[str, str]) -> float:
    """Returns RFC 9110's Retry-After in seconds; one that is a date counts as none."""
    told = headers.get("Retry-After", "")
    return min(float(told), LONGEST_PAUSE_S) if told.isdecimal() else USUAL_PAUSE_S
