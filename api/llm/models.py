"""Which models a project used, and what is unpriced: `GET models`."""

import time
from typing import Annotated, Any, Protocol, cast

from litestar import Request, get
from litestar.response import Response
from msgspec import Meta, Struct
from msgspec.structs import replace

from api.dates import date_range
from api.parameters import InvalidParameters, Project, read, values_of
from api.reads import reader_of
from api.rows import one
from clickhouse.client import Warehouse
from clickhouse.llm.models import Unpriced, find_models, find_unpriced
from clickhouse.queries.values import iso_ms
from schemas.llm.models import ModelList, ModelUse, UnpricedCalls
from schemas.projects import ProjectId

DEFAULT_RANGE_US = 30 * 86_400_000_000
MOST_REASONS = 10
"""Of one model: those with the most calls."""


class ModelQuery(Struct, frozen=True, kw_only=True):
    """Which time, by default the last 30 days, and how many models at most."""

    date_from: str | None = None
    date_to: str | None = None
    limit: Annotated[int, Meta(ge=1, le=1000)] = 100


class Reasons(Protocol):
    """What the host puts on `app.state.pricing`."""

    def why_unpriced(
        self, project_id: ProjectId, provider: str | None, names: tuple[str, str], at_us: int
    ) -> str:
        """Returns why a call with token counts has no cost; `names` are used and requested."""
        ...


@get("/models")
async def list_models(request: Request[Any, Any, Any], project: Project) -> Response[bytes]:
    """Answers the models of a range with calls, tokens and cost, and why calls are unpriced."""
    query = read(values_of(request), ModelQuery)
    first, last = date_range(query.date_from, query.date_to)
    last = time.time_ns() // 1000 if last is None else last
    first = last - DEFAULT_RANGE_US if first is None else first
    if first > last:
        raise InvalidParameters("date_from is after date_to")
    reasons = cast("Reasons", request.app.state.pricing)

    async def ask(warehouse: Warehouse) -> ModelList:
        found = await find_models(warehouse, project, first, last)
        if any(model.unpriced for model in found):
            unpriced = await find_unpriced(warehouse, project, first, last)
            found = [_explained(model, unpriced, reasons, project.project_id) for model in found]
        found.sort(key=lambda model: (-model.cost_cents, -model.calls, model.model))
        return ModelList(found[: query.limit], len(found), iso_ms(first), iso_ms(last))

    return await one(reader_of(request, project), ask)


def _explained(
    model: ModelUse, unpriced: list[Unpriced], reasons: Reasons, project_id: ProjectId
) -> ModelUse:
    name = (model.seen_in, model.provider or "", model.model)
    calls: dict[tuple[str, str | None], int] = {}
    for one_name in unpriced:
        if (one_name.seen_in, one_name.provider, one_name.requested) != name:
            continue
        names = (one_name.used, one_name.requested)
        why = "no_token_counts"
        if one_name.is_counted:
            why = reasons.why_unpriced(project_id, model.provider, names, one_name.last_us)
        used = one_name.used if one_name.used not in ("", one_name.requested) else None
        calls[why, used] = calls.get((why, used), 0) + one_name.calls
    most = sorted(calls.items(), key=lambda item: -item[1])[:MOST_REASONS]
    found = [UnpricedCalls(why, count, used) for (why, used), count in most]
    return replace(model, unpriced_reasons=found)


HANDLERS = (list_models,)
