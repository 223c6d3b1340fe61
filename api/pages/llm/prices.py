"""The prices and aliases that a project sets: shown to members, changed by admins."""

import asyncio
from datetime import UTC, date, datetime, timedelta
from typing import Any, TypeVar, cast

import structlog
from litestar import Response, get, post
from litestar.params import FromPath
from litestar.response.redirect import Redirect

from api.auth import AnyRequest, services
from api.llm.prices import Check
from api.pages.forms import Problem, fields_of
from api.pages.llm.price_forms import (
    ALIAS_FIELDS,
    AMOUNTS,
    MOST_FIELDS,
    Wrong,
    alias_fields,
    cost_of,
    price_fields,
    price_problem,
    read_alias,
    read_price,
)
from api.pages.render import page
from api.pages.settings.admins import PATH, admins_only, page_of
from api.pages.viewer import Viewed, Viewer
from api.parameters import values_of
from controlplane.failures import BadRequest, Conflict
from controlplane.llm.prices import read_prices, remove_alias, remove_price, set_alias, set_price
from schemas.llm.prices import Alias, OwnPrice
from schemas.projects import ProjectId

PRICES, ALIASES = f"{PATH}/prices", f"{PATH}/aliases"
LOOKED_BACK = timedelta(days=30)
"""How far the command to price anew goes back where a price has no first day."""

T = TypeVar("T", OwnPrice, Alias)

log = structlog.get_logger(__name__)


@get(PRICES, include_in_schema=False)
async def prices_page(request: AnyRequest, viewer: Viewed) -> Response[str]:
    """Show prices and aliases, with a form that `model`, `change` or `change_alias` fills."""
    return await _shown(request, viewer)


@post(PRICES, include_in_schema=False, status_code=200)
async def add_price(request: AnyRequest, viewer: Viewed) -> Response[Any]:
    """Set a price."""
    return await _set_price(request, viewer, None)


@post(f"{PRICES}/{{number:int}}", include_in_schema=False, status_code=200)
async def change_price(request: AnyRequest, viewer: Viewed, number: FromPath[int]) -> Response[Any]:
    """Put another price in the place of one."""
    return await _set_price(request, viewer, number)


@post(f"{PRICES}/{{number:int}}/remove", include_in_schema=False, status_code=200)
async def drop_price(request: AnyRequest, viewer: Viewed, number: FromPath[int]) -> Response[Any]:
    """Remove a price: the price list counts again."""
    admins_only(viewer)
    await fields_of(request)
    await remove_price(services(request).database, viewer.project.project_id, number)
    return _changed(request, viewer, "price removed", number)


@post(ALIASES, include_in_schema=False, status_code=200)
async def add_alias(request: AnyRequest, viewer: Viewed) -> Response[Any]:
    """Set an alias."""
    return await _set_alias(request, viewer, None)


@post(f"{ALIASES}/{{number:int}}", include_in_schema=False, status_code=200)
async def change_alias(request: AnyRequest, viewer: Viewed, number: FromPath[int]) -> Response[Any]:
    """Put another alias in the place of one."""
    return await _set_alias(request, viewer, number)


@post(f"{ALIASES}/{{number:int}}/remove", include_in_schema=False, status_code=200)
async def drop_alias(request: AnyRequest, viewer: Viewed, number: FromPath[int]) -> Response[Any]:
    """Remove an alias."""
    admins_only(viewer)
    await fields_of(request)
    await remove_alias(services(request).database, viewer.project.project_id, number)
    return _changed(request, viewer, "alias removed", number)


HANDLERS = (
    *(prices_page, add_price, change_price, drop_price),
    *(add_alias, change_alias, drop_alias),
)


def reprice_command(project_id: ProjectId, price: OwnPrice | None, today: date) -> str | None:
    """Return what prices the stored calls of a price's days anew; `None` where it has none yet."""
    first = (price.valid_from if price else None) or today - LOOKED_BACK
    last = min((price.valid_until if price else None) or today, today)
    if first > today:
        return None
    return f"sluice reprice --from {min(first, last)} --to {last} --project {project_id}"


async def _set_price(request: AnyRequest, viewer: Viewer, number: int | None) -> Response[Any]:
    admins_only(viewer)
    fields = await fields_of(request, at_most=MOST_FIELDS)
    database, project_id = services(request).database, viewer.project.project_id
    try:
        price = await set_price(database, project_id, read_price(fields), instead_of=number)
    except Wrong as wrong:
        return await _shown(request, viewer, price=fields, problem=wrong.problem, number=number)
    except (BadRequest, Conflict) as error:
        problem = price_problem(error)
        return await _shown(request, viewer, price=fields, problem=problem, number=number)
    return _changed(request, viewer, "price set", price.number)


async def _set_alias(request: AnyRequest, viewer: Viewer, number: int | None) -> Response[Any]:
    admins_only(viewer)
    fields = await fields_of(request)
    database, project_id = services(request).database, viewer.project.project_id
    check = cast("Check", request.app.state.check_target)
    try:
        alias = read_alias(fields)
        held = await read_prices(database, project_id)
        # Reads every name of the list where it finds none.
        if wrong := await asyncio.to_thread(check, held, alias):
            raise Wrong(Problem(f"{wrong}.", "to"))
        set_one = await set_alias(database, project_id, alias, instead_of=number)
    except Wrong as error:
        return await _shown(request, viewer, alias=fields, problem=error.problem, number=number)
    except (BadRequest, Conflict) as error:
        problem = price_problem(error, ALIAS_FIELDS)
        return await _shown(request, viewer, alias=fields, problem=problem, number=number)
    return _changed(request, viewer, "alias set", set_one.number)


def _changed(request: AnyRequest, viewer: Viewer, what: str, number: int) -> Response[Any]:
    project_id, by = viewer.project.project_id, viewer.session.account.user_id
    log.info(what, project_id=project_id, number=number, by=by)
    return Redirect(page_of(request, "/prices", changed=number), status_code=303)


async def _shown(
    request: AnyRequest,
    viewer: Viewer,
    *,
    price: dict[str, str] | None = None,
    alias: dict[str, str] | None = None,
    problem: Problem | None = None,
    number: int | None = None,
) -> Response[str]:
    project_id, values = viewer.project.project_id, values_of(request)
    held = await read_prices(services(request).database, project_id)
    changing = _of_number(held.prices, values.get("change")) if price is None else None
    renaming = _of_number(held.aliases, values.get("change_alias")) if alias is None else None
    given = {name: values[name] for name in ("model", "provider") if name in values}
    changed = _of_number(held.prices, values.get("changed"))
    return await page(
        request,
        "llm/prices.html",
        status_code=400 if problem else 200,
        prices=[(one, cost_of(one)) for one in held.prices],
        aliases=held.aliases,
        amounts=AMOUNTS,
        price=price or (price_fields(changing) if changing else given),
        alias=alias or (alias_fields(renaming) if renaming else {}),
        price_number=number if price else changing and changing.number,
        alias_number=number if alias else renaming and renaming.number,
        price_problem=problem if price is not None else None,
        alias_problem=problem if alias is not None else None,
        has_changed="changed" in values and not problem,
        command=reprice_command(project_id, changed, datetime.now(UTC).date()),
    )


def _of_number(held: tuple[T, ...], text: str | None) -> T | None:
    return next((one for one in held if str(one.number) == text), None)
