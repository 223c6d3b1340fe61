"""The pages of runs: one run item by item, and two beside each other."""

from typing import Annotated

from litestar import Response, get
from litestar.params import FromPath
from msgspec import Meta, Struct

from api.auth import AnyRequest, services
from api.llm.experiments import RunName, check_measure, experiments
from api.pages.llm.datasets import MOST_CHOICES, ONE, plain
from api.pages.render import page
from api.pages.viewer import Viewed
from api.parameters import Offset, read, values_of
from api.reads import reader_of
from controlplane.llm.datasets import find_dataset
from schemas.llm.experiments import Comparison, MeasureDifference

SHOWN = 50
UNITS = {"cost": "usd", "latency": "ms", "tokens": "count", "failures": "share"}
"""Of measures; others are plain numbers."""
GOOD_WHEN_MORE = "score."


class RunQuery(Struct, frozen=True, kw_only=True):
    """Which run, and from which item on."""

    run: RunName
    offset: Offset = 0


class PairQuery(Struct, frozen=True, kw_only=True):
    """Which two runs, how sorted, and from which item on."""

    a: RunName
    b: RunName
    measure: Annotated[str, Meta(max_length=250)] | None = None
    offset: Offset = 0


@get(f"{ONE}/run", include_in_schema=False)
async def run_page(request: AnyRequest, viewer: Viewed, dataset: FromPath[str]) -> Response[str]:
    """Show what each item of a run came to."""
    query = read(values_of(request), RunQuery)
    await find_dataset(services(request).database, viewer.project.project_id, dataset)
    async with reader_of(request, viewer.project).turn() as store:
        runs = experiments(request, store, viewer.project, dataset)
        found = await runs.results(query.run, limit=SHOWN, offset=query.offset)
        names = (await runs.run_names())[:MOST_CHOICES]
    return await page(
        request,
        "llm/dataset_run.html",
        found=found,
        others=[name for name in names if name != query.run],
        plain=plain,
        following=_following(query.offset, found.total),
        offset=query.offset,
    )


@get(f"{ONE}/comparison", include_in_schema=False)
async def comparison_page(
    request: AnyRequest, viewer: Viewed, dataset: FromPath[str]
) -> Response[str]:
    """Show two runs beside each other."""
    query = read(values_of(request), PairQuery)
    check_measure(query.measure)
    async with reader_of(request, viewer.project).turn() as store:
        runs = experiments(request, store, viewer.project, dataset)
        found = await runs.compared(
            (query.a, query.b), query.measure, limit=SHOWN, offset=query.offset
        )
    return await page(
        request,
        "llm/comparison.html",
        found=found,
        measures=[(one, UNITS.get(one.measure, ""), mood_of(one)) for one in found.measures],
        scores=score_names(found),
        plain=plain,
        following=_following(query.offset, found.total),
        offset=query.offset,
    )


HANDLERS = (run_page, comparison_page)


def mood_of(one: MeasureDifference) -> str:
    """Returns in a word what a difference means: better, worse, or nothing that is sure."""
    if not one.is_more_than_chance:
        return "unsure"
    is_more = one.difference > 0
    return "better" if is_more == one.measure.startswith(GOOD_WHEN_MORE) else "worse"


def score_names(found: Comparison) -> list[str]:
    """Returns the names of the scores that both runs have."""
    names = [one.measure for one in found.measures]
    return [name.removeprefix(GOOD_WHEN_MORE) for name in names if name.startswith(GOOD_WHEN_MORE)]


def _following(offset: int, total: int) -> int | None:
    return offset + SHOWN if offset + SHOWN < total else None
