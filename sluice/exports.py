"""What `sluice export` does: asks a running server for files, and writes them where they belong."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

import httpx
import msgspec
from msgspec import Struct

from clickhouse.exports.columns import Format
from clickhouse.exports.registry import EXPORTED
from processors.exports.slices import Slice, slices_of
from processors.exports.targets import Target, TargetFailed
from processors.exports.writing import Answered, Run, SourceBusy, Told
from schemas.exports import ExportDays
from sluice.commands.errors import CommandError

TIMEOUT_S = 180.0
ROWS_AT_ONCE = 200_000
"""Of a file."""
LATER = frozenset({408, 425, 429, 500, 502, 503, 504})
ROWS, NEXT = "Sluice-Export-Rows", "Sluice-Export-Next"


class Asked(Struct, frozen=True, kw_only=True):
    """What is to be exported."""

    tables: Sequence[str]
    format: Format
    since: date | None = None
    until: date | None = None
    """The last day."""
    rows: int = ROWS_AT_ONCE


class Total(NamedTuple):
    """What there is to do."""

    slices: Sequence[Slice]
    rows: int


class Server:
    """A running server, by the API for tokens or that for keys."""

    def __init__(self, http: httpx.AsyncClient, base: str, asked: Asked) -> None:
        self._http = http
        self._base = base
        self._asked = asked

    async def total(self) -> Total:
        """Returns the stretches that have rows. Raises `CommandError`."""
        params = {"tables": ",".join(self._asked.tables)}
        if self._asked.since is not None:
            params["received_from"] = self._asked.since.isoformat()
        if self._asked.until is not None:
            params["received_before"] = (self._asked.until + timedelta(days=1)).isoformat()
        answer = await self._http.get(f"{self._base}/export", params=params)
        if not answer.is_success:
            raise CommandError(_said(answer.status_code, answer.text))
        found = msgspec.json.decode(answer.content, type=ExportDays).tables
        slices = [one for table in found for one in slices_of(table.table, table.days, "day")]
        return Total(slices, sum(sum(table.days.values()) for table in found))

    @asynccontextmanager
    async def open(self, one: Slice, format: Format, cursor: str) -> AsyncIterator[Answered]:
        """Opens the next file of a stretch. Raises `SourceBusy` and `CommandError`."""
        params = {
            "format": format,
            "received_from": one.first.isoformat(),
            "received_before": one.before.isoformat(),
            "rows": str(self._asked.rows),
        }
        if cursor:
            params["cursor"] = cursor
        if one.table == "traces":
            # All of a project, and not what a list shows at first.
            params["billing"] = "all"
        try:
            async with self._http.stream(
                "GET", f"{self._base}/export/{one.table}", params=params
            ) as answer:
                if not answer.is_success:
                    text = (await answer.aread()).decode(errors="replace")
                    raise _failure(answer.status_code, text)
                headers = answer.headers
                yield Answered(_pieces(answer), int(headers[ROWS]), headers.get(NEXT, ""))
        except httpx.HTTPError as error:
            raise SourceBusy(_reason(error)) from error


async def export(
    address: str,
    token: str,
    project_id: str | None,
    asked: Asked,
    target: Target,
    show: "Shown",
) -> Total:
    """Writes what the target does not have. Raises `CommandError`."""
    base = "/v1" if project_id is None else f"/api/v1/projects/{project_id}"
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(
        base_url=address.rstrip("/"), headers=headers, timeout=TIMEOUT_S, trust_env=False
    ) as http:
        server = Server(http, base, asked)
        try:
            total = await server.total()
            show.begin(total)
            run = Run(source=server, target=target, format=asked.format, clock=_now, tell=show.tell)
            await run.write(total.slices)
        except (SourceBusy, TargetFailed, httpx.HTTPError) as error:
            raise CommandError(
                f"{error or type(error).__name__}: run this again; it goes on from here"
            ) from error
    return total


class Shown:
    """What a run tells whoever watches it."""

    def begin(self, total: Total) -> None:
        """Knows what there is to do."""

    async def tell(self, told: Told) -> None:
        """Hears how far it is."""


def tables_of(text: str) -> list[str]:
    """Returns the tables that are named with commas between them, or all. Raises `CommandError`."""
    if text == "all":
        return list(EXPORTED)
    named = [name.strip() for name in text.split(",") if name.strip()]
    for name in named:
        if name not in EXPORTED:
            raise CommandError(f"there is no table {name!r}; there are: {', '.join(EXPORTED)}")
    return named


async def _pieces(answer: httpx.Response) -> AsyncIterator[bytes]:
    try:
        async for piece in answer.aiter_bytes():
            yield piece
    except httpx.HTTPError as error:
        raise SourceBusy(_reason(error)) from error


def _failure(status: int, text: str) -> Exception:
    said = _said(status, text)
    return SourceBusy(said) if status in LATER else CommandError(said)


def _said(status: int, text: str) -> str:
    return f"the server answers {status}: {text[:500]}"


def _reason(error: httpx.HTTPError) -> str:
    return f"the server does not answer: {error or type(error).__name__}"


def _now() -> datetime:
    return datetime.now(UTC)
