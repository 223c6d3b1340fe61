"""`/dashboard/api/prices`, `price-aliases`: what a project sets before the price list."""

import asyncio
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import TypeVar, cast

import msgspec
from litestar import delete, get, post, put
from litestar.params import FromPath
from litestar.status_codes import HTTP_200_OK, HTTP_201_CREATED
from litestar.types import ControllerRouterHandler
from msgspec import Struct

from api.auth import AnyRequest, admin_project_from_session, project_from_session, services
from api.bodies import body_of
from api.sessions import Done
from controlplane.failures import BadRequest
from controlplane.llm.prices import read_prices, remove_alias, remove_price, set_alias, set_price
from schemas.described import describes
from schemas.llm.prices import Alias, OwnPrice, PriceDocument, Rates
from schemas.projects import ProjectId

T = TypeVar("T", bound=Struct)
Check = Callable[[PriceDocument, Alias], str | None]
"""The state's `check_target`: what is wrong with where an alias leads."""

PRICE = {"model": "gpt-4o-mini", "rates": {"input": "0.15", "output": "0.6"}}
ALIAS = {"name": "shop-deployment", "toProvider": "openai", "toModel": "gpt-4o"}


class PriceForm(Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """What a model costs the project: rates or a discount. Days are days in UTC that count."""

    model: str
    provider: str = ""
    valid_from: date | None = None
    valid_until: date | None = None
    rates: Rates | None = None
    discount_percent: Decimal | None = None


class AliasForm(Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """A name of the project's own for a model of the price list."""

    name: str
    to_provider: str
    to_model: str
    provider: str = ""


class PriceList(Struct, frozen=True):
    """What a project has set."""

    prices: tuple[OwnPrice, ...]
    aliases: tuple[Alias, ...]


@get(
    "/prices",
    summary="List a project's own prices and aliases",
    opt=describes(asks="project"),
)
async def list_own_prices(request: AnyRequest) -> PriceList:
    """Return the prices and aliases of the project in `X-Project-Id`, for its members."""
    project = await project_from_session(request)
    held = await read_prices(services(request).database, project.project_id)
    return PriceList(held.prices, held.aliases)


@post(
    "/prices",
    status_code=HTTP_201_CREATED,
    summary="Set a price",
    opt=describes(body=PriceForm, example=PRICE, asks="project", errors=(409,)),
)
async def add_own_price(request: AnyRequest) -> OwnPrice:
    """Add a price; 409 where another one for the same name counts on one of its days."""
    project = await admin_project_from_session(request)
    price = _price(await body_of(request, PriceForm))
    return await set_price(services(request).database, project.project_id, price)


@put(
    "/prices/{number:int}",
    summary="Replace a price",
    opt=describes(body=PriceForm, example=PRICE, asks="project", errors=(409,)),
)
async def replace_own_price(request: AnyRequest, number: FromPath[int]) -> OwnPrice:
    """Put another price in the place of one; it has a number of its own."""
    project = await admin_project_from_session(request)
    price = _price(await body_of(request, PriceForm))
    database = services(request).database
    return await set_price(database, project.project_id, price, instead_of=number)


@delete(
    "/prices/{number:int}",
    status_code=HTTP_200_OK,
    summary="Remove a price",
    opt=describes(asks="project"),
)
async def remove_own_price(request: AnyRequest, number: FromPath[int]) -> Done:
    """Remove a price: the price list counts again."""
    project = await admin_project_from_session(request)
    await remove_price(services(request).database, project.project_id, number)
    return Done()


@post(
    "/price-aliases",
    status_code=HTTP_201_CREATED,
    summary="Set an alias",
    opt=describes(body=AliasForm, example=ALIAS, asks="project", errors=(409,)),
)
async def add_alias(request: AnyRequest) -> Alias:
    """Add an alias; 409 where the name has one already, 400 where it leads to no price."""
    project = await admin_project_from_session(request)
    return await _set_alias(request, project.project_id)


@put(
    "/price-aliases/{number:int}",
    summary="Replace an alias",
    opt=describes(body=AliasForm, example=ALIAS, asks="project", errors=(409,)),
)
async def replace_alias(request: AnyRequest, number: FromPath[int]) -> Alias:
    """Put another alias in the place of one; it has a number of its own."""
    project = await admin_project_from_session(request)
    return await _set_alias(request, project.project_id, instead_of=number)


@delete(
    "/price-aliases/{number:int}",
    status_code=HTTP_200_OK,
    summary="Remove an alias",
    opt=describes(asks="project"),
)
async def remove_one_alias(request: AnyRequest, number: FromPath[int]) -> Done:
    """Remove an alias."""
    project = await admin_project_from_session(request)
    await remove_alias(services(request).database, project.project_id, number)
    return Done()


HANDLERS: list[ControllerRouterHandler] = [
    list_own_prices,
    add_own_price,
    replace_own_price,
    remove_own_price,
    add_alias,
    replace_alias,
    remove_one_alias,
]


def _price(form: PriceForm) -> OwnPrice:
    return OwnPrice(number=0, **msgspec.structs.asdict(form))


async def _set_alias(
    request: AnyRequest, project_id: ProjectId, *, instead_of: int | None = None
) -> Alias:
    form = await body_of(request, AliasForm)
    alias = Alias(number=0, **msgspec.structs.asdict(form))
    database, check = services(request).database, cast("Check", request.app.state.check_target)
    held = await read_prices(database, project_id)
    # Reads every name of the list where it finds none.
    if wrong := await asyncio.to_thread(check, held, alias):
        raise BadRequest(wrong)
    return await set_alias(database, project_id, alias, instead_of=instead_of)
