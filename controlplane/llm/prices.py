"""The prices and aliases that a project sets: added, replaced, removed, and read by the stream."""

from collections.abc import Callable, Collection, Iterable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TypeVar

import msgspec
from msgspec.structs import replace
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.database import Database
from controlplane.failures import BadRequest, Conflict, NotFound
from controlplane.lookups import live_project, locked_project
from controlplane.models import ProjectPrices
from controlplane.rules import as_uuid
from schemas.llm.prices import RATE_NAMES, Alias, OwnPrice, PriceDocument, Rates, plain
from schemas.projects import ProjectId

MAX_PRICES = 300
MAX_ALIASES = 300
MAX_NAME_CHARS = 256
MAX_RATE_USD = 1_000_000
MAX_DECIMAL_PLACES = 12
FINEST = Decimal(10) ** -MAX_DECIMAL_PLACES
"""A pico-dollar for one token; what a rate is finer than that could not be stored."""
MOST_SURCHARGE_PERCENT = 1000

T = TypeVar("T", OwnPrice, Alias)


async def read_prices(database: Database, project_id: ProjectId) -> PriceDocument:
    """Return what a live project has set; raises `NotFound`."""
    async with database.reading() as session:
        await live_project(session, project_id)
        row = await session.get(ProjectPrices, as_uuid(project_id))
    return PriceDocument() if row is None else decode(row.document)


async def list_revisions(database: Database) -> dict[ProjectId, int]:
    """Return the revision of every project that has set prices."""
    query = select(ProjectPrices.project_id, ProjectPrices.revision)
    async with database.reading() as session:
        rows = (await session.execute(query)).all()
    return {ProjectId(str(row.project_id)): row.revision for row in rows}


async def read_documents(
    database: Database, project_ids: Collection[ProjectId]
) -> dict[ProjectId, tuple[int, PriceDocument]]:
    """Return the revision and the prices of some projects."""
    ids = [as_uuid(project_id) for project_id in project_ids]
    query = select(ProjectPrices).where(ProjectPrices.project_id.in_(ids))
    async with database.reading() as session:
        rows = list(await session.scalars(query))
    return {ProjectId(str(row.project_id)): (row.revision, decode(row.document)) for row in rows}


async def set_price(
    database: Database, project_id: ProjectId, price: OwnPrice, *, instead_of: int | None = None
) -> OwnPrice:
    """Add a price, or put it in the place of another, and return it with its number.

    Raises `BadRequest`, `Conflict` where another one counts on the same days, `NotFound`.
    """
    checked = _checked_price(price)

    def change(held: PriceDocument) -> PriceDocument:
        others = _without(held.prices, instead_of, "price")
        _reject_overlap(checked, others)
        if len(others) >= MAX_PRICES:
            raise Conflict(f"A project has at most {MAX_PRICES} prices: remove some first")
        new = replace(checked, number=held.last_number + 1)
        return replace(held, prices=(*others, new), last_number=new.number)

    return (await _change(database, project_id, change)).prices[-1]


async def remove_price(database: Database, project_id: ProjectId, number: int) -> None:
    """Remove a price; raises `NotFound`."""

    def change(held: PriceDocument) -> PriceDocument:
        return replace(held, prices=_without(held.prices, number, "price"))

    await _change(database, project_id, change)


async def set_alias(
    database: Database, project_id: ProjectId, alias: Alias, *, instead_of: int | None = None
) -> Alias:
    """Add an alias, or put it in the place of another; as `set_price`."""
    checked = _checked_alias(alias)

    def change(held: PriceDocument) -> PriceDocument:
        others = _without(held.aliases, instead_of, "alias")
        for other in others:
            if (other.provider, other.name) == (checked.provider, checked.name):
                raise Conflict(f"{_shown(other.provider, other.name)} is alias {other.number}")
        if len(others) >= MAX_ALIASES:
            raise Conflict(f"A project has at most {MAX_ALIASES} aliases: remove some first")
        new = replace(checked, number=held.last_number + 1)
        return replace(held, aliases=(*others, new), last_number=new.number)

    return (await _change(database, project_id, change)).aliases[-1]


async def remove_alias(database: Database, project_id: ProjectId, number: int) -> None:
    """Remove an alias; raises `NotFound`."""

    def change(held: PriceDocument) -> PriceDocument:
        return replace(held, aliases=_without(held.aliases, number, "alias"))

    await _change(database, project_id, change)


def decode(document: bytes) -> PriceDocument:
    """Read a stored document."""
    return msgspec.json.decode(document, type=PriceDocument)


async def _change(
    database: Database, project_id: ProjectId, change: Callable[[PriceDocument], PriceDocument]
) -> PriceDocument:
    async with database.session() as session:
        await locked_project(session, project_id)
        row = await _row(session, project_id)
        changed = change(decode(row.document))
        row.document = msgspec.json.encode(changed)
        row.revision += 1
        row.changed_at = datetime.now(UTC)
        return changed


async def _row(session: AsyncSession, project_id: ProjectId) -> ProjectPrices:
    row = await session.get(ProjectPrices, as_uuid(project_id))
    if row is None:
        row = ProjectPrices(
            project_id=as_uuid(project_id),
            revision=0,
            document=msgspec.json.encode(PriceDocument()),
            changed_at=datetime.now(UTC),
        )
        session.add(row)
    return row


def _without(held: tuple[T, ...], number: int | None, what: str) -> tuple[T, ...]:
    left = tuple(one for one in held if one.number != number)
    if number is not None and len(left) == len(held):
        raise NotFound(f"There is no {what} {number} in this project")
    return left


def _reject_overlap(price: OwnPrice, others: Iterable[OwnPrice]) -> None:
    for other in others:
        if (other.provider, other.model) != (price.provider, price.model):
            continue
        starts_before_end = _first(other) <= _last(price)
        if starts_before_end and _first(price) <= _last(other):
            raise Conflict(
                f"Price {other.number} for {_shown(other.provider, other.model)} counts"
                f" {_days(other)}: give other days, or change or remove that one"
            )


def _first(price: OwnPrice) -> date:
    return price.valid_from or date.min


def _last(price: OwnPrice) -> date:
    return price.valid_until or date.max


def _days(price: OwnPrice) -> str:
    if price.valid_from is None and price.valid_until is None:
        return "always"
    begin = "" if price.valid_from is None else f"from {price.valid_from} "
    return f"{begin}{'on' if price.valid_until is None else f'until {price.valid_until}'}"


def _shown(provider: str, model: str) -> str:
    return f"{provider}/{model}" if provider else model


def _checked_price(price: OwnPrice) -> OwnPrice:
    if (price.rates is None) == (price.discount_percent is None):
        raise BadRequest("A price needs either rates or discountPercent")
    if price.valid_from and price.valid_until and price.valid_from > price.valid_until:
        raise BadRequest(f"validFrom {price.valid_from} is after validUntil {price.valid_until}")
    discount = price.discount_percent
    if discount is not None:
        discount = _exact("discountPercent", discount, -MOST_SURCHARGE_PERCENT, 100)
    return replace(
        price,
        model=_checked_name("model", price.model),
        provider=_checked_provider("provider", price.provider, may_be_empty=True),
        rates=None if price.rates is None else _checked_rates(price.rates),
        discount_percent=discount,
    )


def _checked_rates(rates: Rates) -> Rates:
    given = {name: getattr(rates, name) for name in RATE_NAMES}
    if all(rate is None for rate in given.values()):
        raise BadRequest(f"rates needs one of {', '.join(RATE_NAMES)}")
    exact = {
        name: _exact(f"rates.{name}", rate, 0, MAX_RATE_USD)
        for name, rate in given.items()
        if rate is not None
    }
    return replace(rates, **exact)


def _exact(what: str, value: Decimal, least: int, most: int) -> Decimal:
    """Returns a number of few digits, however long it was written: prices are reckoned with."""
    if not value.is_finite() or not least <= value <= most:
        raise BadRequest(f"{what} must be a number from {least} to {most}")
    exact = value.quantize(FINEST)
    if exact != value:
        raise BadRequest(f"{what} may have at most {MAX_DECIMAL_PLACES} decimal places")
    places = value.as_tuple().exponent
    if isinstance(places, int) and -MAX_DECIMAL_PLACES <= places <= 0:
        return value
    whole = exact.to_integral_value()
    return whole if whole == exact else exact.normalize()


def _checked_alias(alias: Alias) -> Alias:
    return replace(
        alias,
        name=_checked_name("name", alias.name),
        to_provider=_checked_provider("toProvider", alias.to_provider),
        to_model=_checked_name("toModel", alias.to_model, may_be_pattern=False),
        provider=_checked_provider("provider", alias.provider, may_be_empty=True),
    )


def _checked_provider(what: str, text: str, *, may_be_empty: bool = False) -> str:
    return _checked_name(what, text, may_be_empty=may_be_empty, may_be_pattern=False)


def _checked_name(
    what: str, text: str, *, may_be_empty: bool = False, may_be_pattern: bool = True
) -> str:
    name = plain(text)
    if not name and not may_be_empty:
        raise BadRequest(f"{what} cannot be empty")
    if len(name) > MAX_NAME_CHARS or not name.isprintable():
        raise BadRequest(f"{what} must be printable and of at most {MAX_NAME_CHARS} characters")
    stars = name.count("*")
    if stars > 1 or (stars and (not name.endswith("*") or not may_be_pattern)):
        raise BadRequest(f"{what} {name!r}: * may stand once, at the end of a name that you price")
    return name
