"""The log of a deployment, in pages."""

from typing import Literal, TypeVar, get_args

from litestar import Response, get
from litestar.params import FromPath

from api.auth import AnyRequest
from api.deploys.answers import answer_of
from api.deploys.described import by_login
from api.deploys.readers import deploy_reader
from api.parameters import invalid, read, values_of
from api.reads import reader_of
from api.rows import one
from clickhouse.client import Warehouse
from clickhouse.deploys.lines import LineFilter, list_lines
from schemas.deploys.lines import Level, Stream
from schemas.deploys.log_answers import LinesAnswer, LinesQuery
from schemas.times import parse_timestamp_us

T = TypeVar("T", Level, Stream)
LEVELS: tuple[Level, ...] = get_args(Level)
STREAMS: tuple[Stream, ...] = get_args(Stream)


@get(
    "/logs/{deployment_id:str}",
    summary="Read the log of a deployment",
    opt=by_login(LinesQuery, answer=LinesAnswer, errors=(404, 503)),
)
async def get_lines(request: AnyRequest, deployment_id: FromPath[str]) -> Response[bytes]:
    """Return lines in the order in which they were printed."""
    project = await deploy_reader(request).find(request, deployment_id)
    query = read(values_of(request), LinesQuery)
    wanted = filter_of(query)

    async def ask(warehouse: Warehouse) -> LinesAnswer:

        found = await list_lines(warehouse, project, deployment_id, wanted, limit=query.limit)
        is_full = len(found) == query.limit
        return LinesAnswer(
            [answer_of(line, deployment_id) for line in found],
            found[-1].seq if is_full else None,
        )

    return await one(reader_of(request, project), ask)


def filter_of(query: LinesQuery) -> LineFilter:
    """Returns what a query asks for. Raises `InvalidParameters`."""
    since_us = None
    if query.since:
        try:
            since_us = parse_timestamp_us(query.since)
        except ValueError as error:
            raise invalid("since", str(error)) from error
    return LineFilter(
        after_seq=query.after_seq,
        levels=_several("level", query.level, LEVELS),
        streams=_several("stream", query.stream, STREAMS),
        search=query.search,
        since_us=since_us,
    )


def _several(name: Literal["level", "stream"], text: str, known: tuple[T, ...]) -> tuple[T, ...]:
    if not text:
        return ()
    words = text.split(",")
    chosen = tuple(one for one in known if one in words)
    if len(chosen) != len(words):
        raise invalid(name, f"Expected some of {', '.join(known)}, with commas between")
    return chosen
