"""The page of budgets. Members see how they stand; admins make, change and remove them."""

from typing import Any

import structlog
from litestar import Response, get, post
from litestar.params import FromPath
from litestar.response.redirect import Redirect

from api.auth import AnyRequest, services
from api.llm.budget_anomalies import anomalies_in
from api.llm.budgets import hours_of, shown, stand_of, states_of
from api.pages.forms import Problem, problem_of, ticks_of, typed_word
from api.pages.llm.budget_forms import (
    FIELDS,
    MEASURES,
    MOST_FIELDS,
    NEW,
    SCOPES,
    WINDOWS,
    Texts,
    budget_in,
    budget_texts,
    shown_again,
)
from api.pages.parts.quality_snippets import budget_snippets
from api.pages.render import address_of, page
from api.pages.settings.admins import admins_only
from api.pages.viewer import Viewed, Viewer
from clickhouse.failures import QueryTooExpensive
from controlplane.channels import list_channels
from controlplane.failures import BadRequest, Conflict
from controlplane.key_names import list_key_names
from controlplane.llm.budget_alerts import list_alerts
from controlplane.llm.budgets import (
    add_budget,
    change_budget,
    find_budget,
    form_of,
    remove_budget,
)
from schemas.llm.budgets import AnomalyAnswer, Budget
from schemas.times import parse_timestamp_us

BUDGETS = "/llm/budgets"
ONE = f"{BUDGETS}/{{budget_id:str}}"
ALERTS_SHOWN = 20
MOODS = {"ok": "ok", "warning": "degraded", "exceeded": "down", "unknown": "unknown"}

log = structlog.get_logger(__name__)


@get(BUDGETS, include_in_schema=False)
async def budgets_page(request: AnyRequest, viewer: Viewed) -> Response[str]:
    """Show the budgets, what was told of them, and a form to make one."""
    return await _shown(request, viewer)


@post(BUDGETS, include_in_schema=False, status_code=200)
async def make_budget(request: AnyRequest, viewer: Viewed) -> Response[Any]:
    """Make a budget."""
    admins_only(viewer)
    texts, project_id = await ticks_of(request, MOST_FIELDS), viewer.project.project_id
    keys = await _keys(request, viewer)
    try:
        made = await add_budget(services(request).database, project_id, budget_in(texts, keys))
    except (BadRequest, Conflict) as error:
        problem = problem_of(error, FIELDS, texts)
        return await _shown(request, viewer, texts=texts, problem=problem)
    log.info("budget made", project_id=project_id, budget_id=made.id)
    return _back(request, viewer)


@get(ONE, include_in_schema=False)
async def budget_page(
    request: AnyRequest, viewer: Viewed, budget_id: FromPath[str]
) -> Response[str]:
    """Show one budget, to change."""
    return await _one_shown(request, viewer, await _budget(request, viewer, budget_id))


@post(ONE, include_in_schema=False, status_code=200)
async def alter_budget(
    request: AnyRequest, viewer: Viewed, budget_id: FromPath[str]
) -> Response[Any]:
    """Change a budget to what the form says."""
    admins_only(viewer)
    texts = await ticks_of(request, MOST_FIELDS)
    budget = await _budget(request, viewer, budget_id)
    database, project_id = services(request).database, viewer.project.project_id
    keys = await _keys(request, viewer)
    try:
        await change_budget(database, project_id, budget.id, budget_in(texts, keys))
    except BadRequest as error:
        problem = problem_of(error, FIELDS, texts)
        return await _one_shown(request, viewer, budget, texts=texts, problem=problem)
    return _back(request, viewer)


@post(f"{ONE}/remove", include_in_schema=False, status_code=200)
async def unmake_budget(
    request: AnyRequest, viewer: Viewed, budget_id: FromPath[str]
) -> Response[Any]:
    """Remove a budget, whose name the form repeats."""
    admins_only(viewer)
    budget = await _budget(request, viewer, budget_id)
    if await typed_word(request) != budget.name:
        problem = Problem(f"Nothing was removed: type the name, {budget.name}, to remove it.")
        return await _one_shown(request, viewer, budget, problem=problem)
    await remove_budget(services(request).database, viewer.project.project_id, budget.id)
    return _back(request, viewer)


HANDLERS = (budgets_page, make_budget, budget_page, alter_budget, unmake_budget)


def _back(request: AnyRequest, viewer: Viewer) -> Redirect:
    states_of(request).forget(viewer.project.project_id)
    return Redirect(address_of(request).page("llm/budgets"), status_code=303)


async def _keys(request: AnyRequest, viewer: Viewer) -> dict[str, str]:
    return await list_key_names(services(request).database, viewer.project.project_id)


async def _budget(request: AnyRequest, viewer: Viewer, budget_id: str) -> Budget:
    project_id = viewer.project.project_id
    return await find_budget(services(request).database, project_id, budget_id)


async def _shown(
    request: AnyRequest,
    viewer: Viewer,
    *,
    texts: Texts | None = None,
    problem: Problem | None = None,
) -> Response[str]:
    database, project_id = services(request).database, viewer.project.project_id
    stand = await stand_of(request, viewer.project)
    hours = await hours_of(request, viewer.project, stand)
    unusual = await _unusual(request, viewer)
    alerts = await list_alerts(database, project_id, ALERTS_SHOWN)
    return await page(
        request,
        "llm/budgets.html",
        status_code=400 if problem else 200,
        budgets=[shown(one, stand, hours) for one in stand.budgets],
        alerts=[(one, parse_timestamp_us(one.at)) for one in alerts],
        unusual=unusual,
        moods=MOODS,
        channels=await list_channels(database, project_id),
        keys=await _keys(request, viewer),
        fields=NEW if texts is None else shown_again(texts),
        problem=problem,
        snippets=budget_snippets(request),
        **_choices(),
    )


async def _unusual(request: AnyRequest, viewer: Viewer) -> list[AnomalyAnswer] | None:
    """Returns the anomalies of the last day; `None` where there are too many models to compare."""
    try:
        return (await anomalies_in(request, viewer.project, hours=24)).anomalies[:ALERTS_SHOWN]
    except QueryTooExpensive:
        return None


async def _one_shown(
    request: AnyRequest,
    viewer: Viewer,
    budget: Budget,
    *,
    texts: Texts | None = None,
    problem: Problem | None = None,
) -> Response[str]:
    channels = await list_channels(services(request).database, viewer.project.project_id)
    keys = await _keys(request, viewer)
    fields = budget_texts(form_of(budget), keys) if texts is None else shown_again(texts)
    return await page(
        request,
        "llm/budget.html",
        status_code=400 if problem else 200,
        budget=budget,
        channels=channels,
        fields=fields,
        problem=problem,
        **_choices(),
    )


def _choices() -> dict[str, Any]:
    return {"scopes": SCOPES, "measures": MEASURES, "windows": WINDOWS}
