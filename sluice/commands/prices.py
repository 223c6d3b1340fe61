"""`sluice price`: the prices and aliases that a project sets before the price list."""

from datetime import date
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Annotated

import typer

from schemas.llm.prices import RATE_NAMES, Alias, OwnPrice, Rates, plain
from sluice.commands.control import Control, run_in_project
from sluice.commands.errors import CommandError, WrongCall
from sluice.commands.options import DataDir, Project
from sluice.commands.output import show_rows

if TYPE_CHECKING:
    from controlplane.directory import ProjectRow

app = typer.Typer(no_args_is_help=True, help="A project's own prices and aliases of models.")
aliases = typer.Typer(no_args_is_help=True, help="Names of your own for models of the price list.")
app.add_typer(aliases, name="alias")

Number = Annotated[int, typer.Argument(help="Its number, see: sluice price list.")]
Provider = Annotated[str, typer.Option(help="Only for calls to this provider; without it, to any.")]
RateList = Annotated[
    list[str] | None,
    typer.Option(
        "--rate",
        "-r",
        help=f"NAME=USD, of {', '.join(RATE_NAMES)}. For a million tokens; request and web_search"
        " are for one.",
    ),
]
CHANGED = "counts for new calls within seconds; for stored ones: sluice reprice --from … --to …"


@app.command("list")
def list_prices(project: Project = None, data_dir: DataDir = None) -> None:
    """List a project's own prices and aliases."""
    from controlplane.llm.prices import read_prices

    async def work(control: Control, found: "ProjectRow") -> list[tuple[str, ...]]:
        held = await read_prices(control.database, found.project_id)
        prices = [_price_row(price) for price in held.prices]
        return prices + [
            (str(one.number), one.provider or "any", one.name, "-", "-", f"as {_target(one)}")
            for one in held.aliases
        ]

    show_rows(
        ("number", "provider", "model", "from", "until", "price"),
        run_in_project(work, project, data_dir),
        "no prices of its own; set one with: sluice price set MODEL --rate input=2.5",
    )


@app.command("set")
def set_one(
    model: Annotated[
        str, typer.Argument(help="Name of the model; a * at its end: all that begin so.")
    ],
    rate: RateList = None,
    discount: Annotated[str | None, typer.Option(help="Percent off the price list.")] = None,
    provider: Provider = "",
    valid_from: Annotated[
        str | None, typer.Option("--from", help="First day, YYYY-MM-DD in UTC.")
    ] = None,
    valid_until: Annotated[
        str | None, typer.Option("--until", help="Last day that counts.")
    ] = None,
    project: Project = None,
    data_dir: DataDir = None,
) -> None:
    """Set what a model costs a project; the same name and days again replace it."""
    price = OwnPrice(
        number=0,
        model=model,
        provider=provider,
        valid_from=_day("--from", valid_from),
        valid_until=_day("--until", valid_until),
        rates=_rates(rate) if rate else None,
        discount_percent=None if discount is None else _decimal("--discount", discount),
    )
    if (price.rates is None) == (price.discount_percent is None):
        raise WrongCall("give either --rate NAME=USD, as often as needed, or --discount PERCENT")
    from controlplane.llm.prices import read_prices, set_price

    async def work(control: Control, found: "ProjectRow") -> OwnPrice:
        held = await read_prices(control.database, found.project_id)
        same = [one.number for one in held.prices if _key(one) == _key(price)]
        instead = same[0] if same else None
        return await set_price(control.database, found.project_id, price, instead_of=instead)

    typer.echo(f"price {run_in_project(work, project, data_dir).number} {CHANGED}")


@app.command("remove")
def remove_one(number: Number, project: Project = None, data_dir: DataDir = None) -> None:
    """Remove a price of a project's own: the price list counts again."""
    from controlplane.llm.prices import remove_price

    async def work(control: Control, found: "ProjectRow") -> None:
        await remove_price(control.database, found.project_id, number)

    run_in_project(work, project, data_dir)
    typer.echo(f"removed price {number}; what is left {CHANGED}")


@aliases.command("set")
def set_one_alias(
    name: Annotated[
        str, typer.Argument(help="Name as calls have it; a * at its end: all that begin so.")
    ],
    to: Annotated[str, typer.Argument(help="PROVIDER/MODEL of the price list.")],
    provider: Provider = "",
    project: Project = None,
    data_dir: DataDir = None,
) -> None:
    """Have a deployment's or a fine-tune's name priced as a model of the list."""
    to_provider, _, to_model = to.partition("/")
    if not to_provider or not to_model:
        raise WrongCall(f"{to!r} is no PROVIDER/MODEL such as openai/gpt-4o")
    alias = Alias(
        number=0, name=name, to_provider=to_provider, to_model=to_model, provider=provider
    )
    from controlplane.llm.prices import read_prices, set_alias
    from processors.llm.cost.cache import load_book
    from processors.llm.cost.targets import why_no_target

    async def work(control: Control, found: "ProjectRow") -> Alias:
        held = await read_prices(control.database, found.project_id)
        key = (plain(provider), plain(name))
        if wrong := why_no_target(load_book(control.paths.cache), held, alias):
            raise CommandError(wrong)
        same = [one.number for one in held.aliases if (one.provider, one.name) == key]
        instead = same[0] if same else None
        return await set_alias(control.database, found.project_id, alias, instead_of=instead)

    typer.echo(f"alias {run_in_project(work, project, data_dir).number} {CHANGED}")


@aliases.command("remove")
def remove_one_alias(number: Number, project: Project = None, data_dir: DataDir = None) -> None:
    """Remove an alias."""
    from controlplane.llm.prices import remove_alias

    async def work(control: Control, found: "ProjectRow") -> None:
        await remove_alias(control.database, found.project_id, number)

    run_in_project(work, project, data_dir)
    typer.echo(f"removed alias {number}; what is left {CHANGED}")


def _rates(given: list[str]) -> Rates:
    rates: dict[str, Decimal] = {}
    for text in given:
        name, _, amount = text.partition("=")
        name = name.strip().replace("-", "_")
        if name not in RATE_NAMES:
            raise WrongCall(f"--rate {text!r}: a rate is one of {', '.join(RATE_NAMES)}")
        rates[name] = _decimal(f"--rate {name}", amount)
    return Rates(**rates)


def _decimal(option: str, text: str) -> Decimal:
    try:
        return Decimal(text.strip())
    except InvalidOperation:
        raise WrongCall(f"{option} {text!r} is no number such as 2.50") from None


def _day(option: str, text: str | None) -> date | None:
    try:
        return None if text is None else date.fromisoformat(text)
    except ValueError:
        raise WrongCall(f"{option} {text!r} is no day such as 2026-01-31") from None


def _key(price: OwnPrice) -> tuple[str, str, date | None, date | None]:
    return plain(price.provider), plain(price.model), price.valid_from, price.valid_until


def _price_row(price: OwnPrice) -> tuple[str, ...]:
    shown = f"{price.discount_percent} % off the list"
    if price.rates is not None:
        given = ((name, getattr(price.rates, name)) for name in RATE_NAMES)
        shown = ", ".join(f"{name} {rate:f}" for name, rate in given if rate is not None)
    days = (str(price.valid_from or "-"), str(price.valid_until or "-"))
    return (str(price.number), price.provider or "any", price.model, *days, shown)


def _target(alias: Alias) -> str:
    return f"{alias.to_provider}/{alias.to_model}"
