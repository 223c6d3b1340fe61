"""Which models a project used, and what is unpriced: `GET models`."""

import asyncio
import time
from collections.abc import Mapping
from typing import Annotated, Any, NamedTuple, Protocol

from litestar import Request, get
from litestar.response import Response
from msgspec import Meta, Struct
from msgspec.structs import replace

from api.dates import date_range
from api.declared import takes
from api.llm.costs import Explain
from api.parameters import InvalidParameters, Project, read, values_of
from api.reads import reader_of
from api.rows import one
from clickhouse.client import Warehouse
from clickhouse.llm.models import Unpriced, find_models, find_unpriced
from clickhouse.llm.spans import fetch_span
from clickhouse.llm.traces import fetch_trace
from schemas.described import describes
from schemas.llm.models import PRICED_SINCE, ModelList, ModelUse, UnpricedCalls
from schemas.projects import ProjectContext, ProjectId
from schemas.times import iso_ms

DEFAULT_RANGE_US = 30 * 86_400_000_000
MOST_REASONS = 10
"""Of one model: those with the most calls."""
MOST_EXAMPLES = 20
NOW_PRICED = (PRICED_SINCE, "a price is known by now: sluice reprice")
NO_COUNTS = ("counts", "the call has no token counts")
OTHER = ("other", "ask for the cost of one of these calls")

Name = tuple[str, str, str]


class ModelQuery(Struct, frozen=True, kw_only=True):
    """Which time, by default the last 30 days, and how many models at most."""

    date_from: str | None = None
    date_to: str | None = None
    limit: Annotated[int, Meta(ge=1, le=1000)] = 100


class Reasons(Protocol):
    """What the host puts on `app.state.pricing`."""

    def why_unpriced(
        self, project_id: ProjectId, provider: str | None, used: str, requested: str
    ) -> tuple[str, str] | None:
        """Returns why no call of these names has a price, `None` where one has."""
        ...


class Why(NamedTuple):
    """A reason, and the model that answered where it is another than the one asked for."""

    reason: str
    text: str
    model_used: str | None


class Between(NamedTuple):
    """A range, both ends inclusive, in microseconds since 1970 UTC."""

    first_us: int
    last_us: int


@get("/models", opt={**takes(ModelQuery), **describes(answer=ModelList)})
async def list_models(request: Request[Any, Any, Any], project: Project) -> Response[bytes]:
    """Answers the models of a range with calls, tokens and cost, and why calls are unpriced."""
    query = read(values_of(request), ModelQuery)
    first, last = date_range(query.date_from, query.date_to, project.time_zone)
    last = time.time_ns() // 1000 if last is None else last
    first = last - DEFAULT_RANGE_US if first is None else first
    if first > last:
        raise InvalidParameters("date_from is after date_to")

    between = Between(first, last)

    async def ask(warehouse: Warehouse) -> ModelList:
        return await models_between(request, warehouse, project, between, limit=query.limit)

    return await one(reader_of(request, project), ask)


async def models_between(
    request: Request[Any, Any, Any],
    warehouse: Warehouse,
    project: ProjectContext,
    between: Between,
    *,
    limit: int,
) -> ModelList:
    """Returns the models of a range, by cost, and why calls of theirs are unpriced."""
    first, last = between
    found = await find_models(warehouse, project, first, last)
    found.sort(key=lambda model: (-model.cost_cents, -model.calls, model.model))
    whys: dict[Name, dict[Why, int]] = {}
    if any(model.unpriced for model in found):
        reasons: Reasons = request.app.state.pricing
        examples = _Examples(warehouse, project, request.app.state.explain_cost)
        for one_name in await find_unpriced(warehouse, project, first, last):
            why = await _why(one_name, project, reasons, examples)
            name = (one_name.seen_in, one_name.provider, one_name.requested)
            counted = whys.setdefault(name, {})
            counted[why] = counted.get(why, 0) + one_name.calls
    models = [_explained(model, whys) for model in found[:limit]]
    return ModelList(models, len(found), iso_ms(first), iso_ms(last))


class _Examples:
    """Single calls that are explained, of a bounded number: their bodies are read."""

    def __init__(self, warehouse: Warehouse, project: ProjectContext, explain: Explain) -> None:
        self._warehouse = warehouse
        self._project = project
        self._explain = explain
        self._left = MOST_EXAMPLES

    async def explain(self, unpriced: Unpriced) -> tuple[str, str]:
        """Returns why one of the calls has no cost."""
        fetch = fetch_trace if unpriced.seen_in == "traces" else fetch_span
        row = None
        if self._left:
            self._left -= 1
            row = await fetch(self._warehouse, self._project, unpriced.example)
        if row is None:
            return OTHER
        told = await asyncio.to_thread(self._explain, self._project.project_id, row)
        if told.now.cost_cents is not None:
            return NOW_PRICED
        return (told.reasons[0].reason, told.reasons[0].text) if told.reasons else OTHER


async def _why(
    unpriced: Unpriced, project: ProjectContext, reasons: Reasons, examples: _Examples
) -> Why:
    used, requested = unpriced.used, unpriced.requested
    other = used if used not in ("", requested) else None
    provider = unpriced.provider or None
    # A name that no list has is looked for everywhere: too long for the loop that takes events.
    by_name = await asyncio.to_thread(
        reasons.why_unpriced, project.project_id, provider, used, requested
    )
    if by_name is None and not unpriced.is_counted:
        by_name = NO_COUNTS
    return Why(*(by_name or await examples.explain(unpriced)), other)


def _explained(model: ModelUse, whys: Mapping[Name, Mapping[Why, int]]) -> ModelUse:
    counted = whys.get((model.seen_in, model.provider or "", model.model), {})
    most = sorted(counted.items(), key=lambda item: -item[1])[:MOST_REASONS]
    found = [UnpricedCalls(why.reason, why.text, calls, why.model_used) for why, calls in most]
    return replace(model, unpriced_reasons=found)


HANDLERS = (list_models,)
