"""`GET export`, `GET export/{table}`: what there is to export, and a file of it."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from litestar import Request, Response, get
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath
from msgspec import Meta

from api.dates import parse_date
from api.declared import takes
from api.exports.lists import ListFilter, every_parameter
from api.exports.sending import NEXT, running_of, send_file
from api.holders import by_token
from api.parameters import NothingFound, Project, Values, invalid, read, values_of
from api.reads import reader_of
from api.time_zones import TimeZone
from clickhouse.exports.columns import Format
from clickhouse.exports.places import NoPlace, read_place
from clickhouse.exports.reading import PLAN_ROWS, count_days
from clickhouse.exports.registry import EXPORTED
from clickhouse.exports.statements import Wanted
from schemas.described import describes
from schemas.exports import ExportDays, ExportTable
from schemas.projects import ProjectContext
from schemas.times import INVALID

CURSOR_RULE = f"Expected what {NEXT} has given for this table"


class Received(TimeZone, frozen=True, kw_only=True):
    """When rows came: from one moment on, before another one."""

    received_from: (
        Annotated[
            str,
            Meta(description="Only rows that came from then on.", examples=["2026-01-01"]),
        ]
        | None
    ) = None
    received_before: (
        Annotated[
            str,
            Meta(description="Only rows that came before then.", examples=["2030-01-01"]),
        ]
        | None
    ) = None


class DaysQuery(Received, frozen=True, kw_only=True):
    """Of which tables."""

    tables: (
        Annotated[
            str,
            Meta(
                max_length=1000,
                description="Only these tables, with commas between them.",
                examples=["traces,spans"],
            ),
        ]
        | None
    ) = None


class FileQuery(Received, frozen=True, kw_only=True):
    """How the file is written, of when its rows are, and how many it has."""

    date_from: str | None = None
    date_to: str | None = None
    format: Annotated[
        Format, Meta(description="How the file is written.", examples=["parquet"])
    ] = "jsonl"
    cells: Annotated[
        Literal["safe", "raw"],
        Meta(
            description="Of CSV: `safe` writes `'` before what a spreadsheet may run.",
            examples=["raw"],
        ),
    ] = "safe"
    rows: (
        Annotated[
            str,
            Meta(
                pattern="^[0-9]{1,6}$",
                description=f"How many rows at most, up to {PLAN_ROWS}; else all.",
                examples=["1000"],
            ),
        ]
        | None
    ) = None
    cursor: (
        Annotated[
            str,
            Meta(
                max_length=4096,
                description="Go on behind the file whose header `Sluice-Export-Next` said this.",
                examples=["WyJ0cmFjZXMiLDAsIiJd"],
            ),
        ]
        | None
    ) = None


@get("/export", opt={**takes(DaysQuery), **describes(answer=ExportDays)})
async def list_exports(request: Request[Any, Any, Any], project: Project) -> ExportDays:
    """Answer the tables that can be exported, and how many rows came on each day."""
    query = read(values_of(request), DaysQuery)
    asked = query.tables.split(",") if query.tables else list(EXPORTED)
    if unknown := next((name for name in asked if name not in EXPORTED), None):
        raise invalid("tables", f"There is no table {unknown[:64]!r}")
    first, before = _received(query)
    reader, running = reader_of(request, project), running_of(request)
    running.begin(project.project_id)
    try:
        found = []
        for name in asked:
            wanted = Wanted(
                project=project,
                table=EXPORTED[name],
                received_from_us=first,
                received_before_us=before,
            )
            days = await count_days(reader.warehouse, wanted)
            found.append(ExportTable(name, wanted.table.meaning, days))
    finally:
        running.end(project.project_id)
    return ExportDays(found)


def handlers(filters: Mapping[str, ListFilter]) -> list[HTTPRouteHandler]:
    """Returns the routes, with what each table may be narrowed by."""
    narrowing = every_parameter(filters)
    prefixes = tuple(dict.fromkeys(one for found in filters.values() for one in found.prefixes))

    @get(
        "/export/{table:str}",
        opt={
            **takes(FileQuery, narrowing, prefix=prefixes),
            **describes(answer=str),
        },
    )
    async def export_table(
        request: Request[Any, Any, Any], project: Project, table: FromPath[str]
    ) -> Response[bytes]:
        """Answer a file of rows: all of a table, or those of a list's filters. They may be many."""
        return await _answer(request, project, table, filters)

    return [list_exports, export_table]


async def _answer(
    request: Request[Any, Any, Any],
    project: ProjectContext,
    table: str,
    filters: Mapping[str, ListFilter],
) -> Response[bytes]:
    if table not in EXPORTED:
        raise NothingFound("There is no such table: docs/tables.md has all of them")
    values, of = values_of(request), EXPORTED[table]
    query = read(values, FileQuery)
    _check_names(values, filters[table], table)
    first, before = _received(query)
    wanted = Wanted(
        project=project,
        table=of,
        where=filters[table].narrow(request, project),
        received_from_us=first,
        received_before_us=before,
        format=query.format,
        raw=query.cells == "raw",
    )
    try:
        after = read_place(of, query.cursor) if query.cursor else None
    except NoPlace as error:
        raise invalid("cursor", CURSOR_RULE) from error
    return await send_file(
        request, reader_of(request, project), wanted, after=after, rows=_rows(query)
    )


def by_token_too(handlers: list[HTTPRouteHandler]) -> list[HTTPRouteHandler]:
    """Returns the same routes for holders of tokens."""
    return [
        by_token(f"/projects/{{project_id:str}}{path}", handler)
        for handler in handlers
        for path in handler.paths
    ]


def _rows(query: FileQuery) -> int | None:
    if query.rows is None:
        return None
    rows = int(query.rows)
    if not 1 <= rows <= PLAN_ROWS:
        raise invalid("rows", f"Expected 1 to {PLAN_ROWS}")
    return rows


def _received(query: Received) -> tuple[int | None, int | None]:
    return (
        _moment("received_from", query.received_from),
        _moment("received_before", query.received_before),
    )


def _moment(name: str, text: str | None) -> int | None:
    if text is None:
        return None
    # By the day of UTC: the days that are counted are.
    moment = parse_date(text, "from")
    if moment is None:
        raise invalid(name, INVALID)
    return moment


def _check_names(values: Values, taken: ListFilter, table: str) -> None:
    """Raises `InvalidParameters` for a filter of another table."""
    known = {*FileQuery.__struct_encode_fields__, *taken.names}
    for name in values:
        if name not in known and not name.startswith(taken.prefixes or ("\0",)):
            raise invalid(name, f"{table} cannot be narrowed by it")
