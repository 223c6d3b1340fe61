"""Runs of datasets: `GET` and `POST datasets/{dataset}/runs`, `results`, `comparison`."""

from typing import Annotated

from litestar import Response, get, post
from litestar.params import FromPath
from litestar.status_codes import HTTP_201_CREATED
from msgspec import Meta, Struct

from api.auth import AnyRequest, services
from api.bodies import body_of
from api.declared import takes
from api.holders import by_token
from api.llm.datasets import OF_TOKEN, ONE
from api.llm.experiment_items import PLAIN, SCORE
from api.llm.experiment_runs import Experiments
from api.parameters import Offset, Project, invalid, read, values_of
from api.reads import reader_of
from api.rows import one
from clickhouse.client import Warehouse
from controlplane.llm.datasets import announce_run
from schemas.described import describes
from schemas.llm.datasets import MOST_RUN_CHARS, RUN, RunForm
from schemas.llm.experiments import Comparison, ResultList, RunList
from schemas.projects import ProjectContext

RunName = Annotated[str, Meta(min_length=1, max_length=MOST_RUN_CHARS)]
Limit = Annotated[int, Meta(ge=1, le=1000)]


class ResultQuery(Struct, frozen=True, kw_only=True):
    """Which run, and which of its items."""

    run: RunName
    limit: Limit = 100
    offset: Offset = 0


class ComparisonQuery(Struct, frozen=True, kw_only=True):
    """Which two runs, by what items are sorted, and which of them."""

    a: RunName
    b: RunName
    measure: Annotated[str, Meta(max_length=250)] | None = None
    limit: Limit = 100
    offset: Offset = 0


class Announced(Struct, frozen=True):
    """The run is noted."""

    name: str
    version: int
    """Of the dataset, when it was announced first."""


@get(f"{ONE}/runs", opt=describes(answer=RunList))
async def get_runs(
    request: AnyRequest, project: Project, dataset: FromPath[str]
) -> Response[bytes]:
    """Answers the runs of a dataset: the hundred with the newest calls, and those announced."""
    return await one(
        reader_of(request, project),
        lambda store: experiments(request, store, project, dataset).list_runs(),
    )


@post(
    f"{ONE}/runs",
    status_code=HTTP_201_CREATED,
    opt=describes(body=RunForm, example=RUN, errors=(404, 409)),
)
async def post_run(request: AnyRequest, project: Project, dataset: FromPath[str]) -> Announced:
    """Say what a run is, before or after its calls; its name stays, the rest may be sent anew."""
    form = await body_of(request, RunForm)
    made = await announce_run(services(request).database, project.project_id, dataset, form)
    return Announced(made.name, made.version)


@get(f"{ONE}/results", opt={**takes(ResultQuery), **describes(answer=ResultList)})
async def get_results(
    request: AnyRequest, project: Project, dataset: FromPath[str]
) -> Response[bytes]:
    """Answers what each item of a run came to, by id."""
    query = read(values_of(request), ResultQuery)
    return await one(
        reader_of(request, project),
        lambda store: experiments(request, store, project, dataset).results(
            query.run, limit=query.limit, offset=query.offset
        ),
    )


@get(f"{ONE}/comparison", opt={**takes(ComparisonQuery), **describes(answer=Comparison)})
async def get_comparison(
    request: AnyRequest, project: Project, dataset: FromPath[str]
) -> Response[bytes]:
    """Answers two runs beside each other: how they differ on average, then item by item."""
    query = read(values_of(request), ComparisonQuery)
    check_measure(query.measure)
    return await one(
        reader_of(request, project),
        lambda store: experiments(request, store, project, dataset).compared(
            (query.a, query.b), query.measure, limit=query.limit, offset=query.offset
        ),
    )


def experiments(
    request: AnyRequest, store: Warehouse, project: ProjectContext, dataset: str
) -> Experiments:
    """Returns the runs of a dataset, to be asked within a turn."""
    return Experiments(services(request).database, store, project, dataset)


def check_measure(name: str | None) -> None:
    """Raises `InvalidParameters` for what no items are sorted by."""
    if name is not None and name not in PLAIN and not name.removeprefix(SCORE):
        raise invalid("measure", "Expected the name of a score")
    if name is not None and name not in PLAIN and not name.startswith(SCORE):
        raise invalid("measure", f"Expected {SCORE}<name>, or one of {', '.join(PLAIN)}")


HANDLERS = (get_runs, post_run, get_results, get_comparison)
BY_TOKEN = (
    by_token(f"{OF_TOKEN}/runs", get_runs),
    by_token(f"{OF_TOKEN}/results", get_results),
    by_token(f"{OF_TOKEN}/comparison", get_comparison),
)
