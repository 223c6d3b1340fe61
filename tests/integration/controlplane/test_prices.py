"""Own prices and aliases as projects set them, on both databases."""

import asyncio
from datetime import date
from decimal import Decimal

import pytest
from msgspec.structs import replace
from sqlalchemy import update

from controlplane.accounts import SignUp, sign_up
from controlplane.crypto import Vault
from controlplane.database import Database
from controlplane.failures import BadRequest, Conflict, NotFound
from controlplane.llm import prices
from controlplane.llm.prices import (
    list_revisions,
    read_documents,
    read_prices,
    remove_alias,
    remove_price,
    set_alias,
    set_price,
)
from controlplane.llm.reprices import (
    cancel_run,
    find_run,
    list_runs,
    read_changes,
    request_run,
    save_progress,
    take_run,
)
from controlplane.models import RepriceRun
from controlplane.projects import create_project, delete_project
from schemas.llm.prices import Alias, OwnPrice, Rates
from schemas.llm.reprices import Pending, Place, Progress, Totals
from schemas.projects import ProjectId

PENDING = Progress(pending=Pending(Place(), Totals()))
ONE = Rates(input=Decimal(1))


@pytest.fixture
async def project(database: Database, vault: Vault) -> ProjectId:
    return await make(database, vault, "ann@example.com")


async def make(database: Database, vault: Vault, email: str) -> ProjectId:
    person = await sign_up(database, vault, SignUp("Ann", email, "correct horse", "One"))
    return (await create_project(database, vault, person.user_id, "Shop")).project_id


def price(model: str = "m", first: date | None = None, last: date | None = None) -> OwnPrice:
    return OwnPrice(0, model, "openai", first, last, rates=ONE)


async def test_prices_and_aliases_are_kept_as_they_are_compared(
    database: Database, project: ProjectId
) -> None:
    rates = Rates(input=Decimal("0.1"), cache_write_1h=Decimal("2.000000000001"))
    await set_price(database, project, OwnPrice(0, " GPT-4o* ", " Azure", rates=rates))
    await set_alias(database, project, Alias(0, "My-Deployment", "OpenAI", "GPT-4o"))

    held = await read_prices(database, project)

    assert held.prices == (OwnPrice(1, "gpt-4o*", "azure", rates=rates),)
    assert held.aliases == (Alias(2, "my-deployment", "openai", "gpt-4o"),)


OVERLAPPING = [
    (None, None),
    (None, date(2026, 6, 1)),
    (date(2026, 6, 30), None),
    (date(2026, 6, 2), date(2026, 6, 3)),
    (date(2026, 1, 1), date(2026, 12, 31)),
]


async def test_two_prices_of_a_name_never_count_on_one_day(
    database: Database, project: ProjectId
) -> None:
    await set_price(database, project, price("m", date(2026, 6, 1), date(2026, 6, 30)))

    for first, last in OVERLAPPING:
        with pytest.raises(Conflict, match="Price 1 for openai/m counts from 2026-06-01 until"):
            await set_price(database, project, price("m", first, last))

    await set_price(database, project, price("m", date(2026, 7, 1)))
    await set_price(database, project, price("m", None, date(2026, 5, 31)))
    await set_price(database, project, replace(price("m"), provider=""))


async def test_a_number_is_never_used_again(database: Database, project: ProjectId) -> None:
    first = await set_price(database, project, price())
    second = await set_price(database, project, price(), instead_of=first.number)
    await remove_price(database, project, second.number)

    third = await set_price(database, project, price())

    assert [first.number, second.number, third.number] == [1, 2, 3]
    assert (await read_prices(database, project)).prices == (third,)


WRONG = [
    (replace(price(), rates=None), "either rates or discountPercent"),
    (replace(price(), discount_percent=Decimal(5)), "either rates or discountPercent"),
    (replace(price(), rates=Rates()), "rates needs one of input, "),
    (replace(price(), rates=Rates(input=Decimal(-1))), "rates.input must be a number from 0"),
    (replace(price(), rates=Rates(input=Decimal("NaN"))), "rates.input must be a number"),
    (replace(price(), rates=Rates(input=Decimal("1e-13"))), "at most 12 decimal places"),
    # What has so many digits would be reckoned with for ever.
    (replace(price(), rates=Rates(input=Decimal("1E-9999999"))), "at most 12 decimal places"),
    (replace(price(), rates=Rates(input=Decimal("0." + "1" * 40))), "at most 12 decimal places"),
    (replace(price(), rates=None, discount_percent=Decimal(101)), "discountPercent must be"),
    (price("m", date(2026, 2, 1), date(2026, 1, 1)), "2026-02-01 is after"),
    (price("  "), "model cannot be empty"),
    (price("a*b"), r"model 'a\*b'"),
    (price("a**"), r"model 'a\*\*'"),
    (price("a\nb"), "model must be printable"),
    (price("x" * 257), "at most 256 characters"),
]


async def test_what_breaks_a_rule_is_rejected(database: Database, project: ProjectId) -> None:
    for wrong, message in WRONG:
        with pytest.raises(BadRequest, match=message):
            await set_price(database, project, wrong)

    assert (await read_prices(database, project)).prices == ()


async def test_a_number_is_kept_as_written_but_with_few_digits(
    database: Database, project: ProjectId
) -> None:
    rates = Rates(
        input=Decimal("4.10"),
        output=Decimal("1E+2"),
        cache_read=Decimal("0E+9999999"),
        cache_write=Decimal("0E-9999999"),
    )

    kept = (await set_price(database, project, replace(price(), rates=rates))).rates

    assert kept is not None
    assert [str(kept.input), str(kept.output)] == ["4.10", "100"]
    assert [str(kept.cache_read), str(kept.cache_write)] == ["0", "0"]


async def test_aliases_are_single_and_lead_to_a_whole_name(
    database: Database, project: ProjectId
) -> None:
    first = await set_alias(database, project, Alias(0, "x", "openai", "gpt-4o"))

    with pytest.raises(Conflict, match="x is alias 1"):
        await set_alias(database, project, Alias(0, "X", "openai", "o3"))
    with pytest.raises(BadRequest, match="toModel"):
        await set_alias(database, project, Alias(0, "y", "openai", "gpt-*"))

    await set_alias(database, project, Alias(0, "x", "openai", "o3"), instead_of=first.number)
    assert (await read_prices(database, project)).aliases[0].to_model == "o3"


async def test_a_project_has_a_bounded_number_of_them(
    database: Database, project: ProjectId, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prices, "MAX_PRICES", 2)
    for number in range(2):
        await set_price(database, project, price(f"m{number}"))

    with pytest.raises(Conflict, match="at most 2 prices"):
        await set_price(database, project, price("m2"))


async def test_changes_at_the_same_time_lose_nothing(
    database: Database, project: ProjectId
) -> None:
    await asyncio.gather(*(set_price(database, project, price(f"m{n}")) for n in range(8)))

    held = (await read_prices(database, project)).prices
    assert sorted(one.number for one in held) == list(range(1, 9))


async def test_a_project_never_touches_the_prices_of_another(
    database: Database, vault: Vault, project: ProjectId
) -> None:
    other = await make(database, vault, "bob@example.com")
    await set_price(database, project, price())

    for work in (remove_price, remove_alias):
        with pytest.raises(NotFound):
            await work(database, other, 1)
    with pytest.raises(NotFound):
        await set_price(database, other, price(), instead_of=1)

    assert (await read_prices(database, other)).prices == ()
    assert len((await read_prices(database, project)).prices) == 1


async def test_processes_see_by_the_revision_what_to_read_again(
    database: Database, project: ProjectId
) -> None:
    assert await list_revisions(database) == {}
    await set_price(database, project, price())
    await set_price(database, project, price("other"))

    revisions = await list_revisions(database)
    documents = await read_documents(database, [project])

    assert revisions == {project: 2}
    assert documents[project][0] == 2
    assert len(documents[project][1].prices) == 2


async def test_the_prices_of_a_deleted_project_cannot_be_read(
    database: Database, project: ProjectId
) -> None:
    await set_price(database, project, price())
    await delete_project(database, project)

    with pytest.raises(NotFound):
        await read_prices(database, project)


class TestRuns:
    async def test_the_oldest_is_taken_first_and_the_last_who_took_it_has_it(
        self, database: Database, project: ProjectId
    ) -> None:
        first = await request_run(database, project, 1, 2)
        await request_run(database, None, 1, 2)

        before = await take_run(database, "one")
        after = await take_run(database, "other")

        assert before is not None
        assert after is not None
        assert before.run_id == after.run_id == first
        assert not await save_progress(database, first, "one", Progress())
        assert await save_progress(database, first, "other", Progress(chunk=3))

    async def test_what_was_saved_is_gone_on_from(
        self, database: Database, project: ProjectId
    ) -> None:
        run_id = await request_run(database, project, -5, 2)
        await take_run(database, "one")
        progress = Progress(place=Place(project, "span", -3, "x"), chunk=2, rows=7)
        await save_progress(database, run_id, "one", progress)

        again = await take_run(database, "other")

        assert again is not None
        assert (again.progress, again.from_us, again.to_us) == (progress, -5, 2)

    async def test_one_that_is_done_is_kept_and_not_taken_again(
        self, database: Database, project: ProjectId
    ) -> None:
        run_id = await request_run(database, project, 1, 2)
        await take_run(database, "one")
        await save_progress(database, run_id, "one", Progress(), end="done")

        assert await take_run(database, "one") is None
        assert (await find_run(database, run_id)).state == "done"

    async def test_the_changes_of_a_chunk_are_kept_as_long_as_it_is_pending(
        self, database: Database, project: ProjectId
    ) -> None:
        run_id = await request_run(database, project, 1, 2)
        await take_run(database, "one")

        await save_progress(database, run_id, "one", PENDING, changes=b"some")
        await save_progress(database, run_id, "one", PENDING)
        kept = await read_changes(database, run_id)
        await save_progress(database, run_id, "one", Progress())

        assert kept == b"some"
        assert await read_changes(database, run_id) is None

    async def test_one_in_the_middle_of_a_chunk_comes_before_older_ones(
        self, database: Database, project: ProjectId
    ) -> None:
        older = await request_run(database, project, 1, 2)
        run_id = await request_run(database, project, 1, 2)
        await take_run(database, "one")
        await save_progress(database, older, "one", Progress(), end="done")
        await take_run(database, "one")
        await save_progress(database, run_id, "one", PENDING, changes=b"some")
        async with database.session() as session:
            await session.execute(update(RepriceRun).values(state="running"))

        taken = await take_run(database, "other")

        assert taken is not None
        assert taken.run_id == run_id

    async def test_a_cancelled_one_ends_at_once_or_with_its_chunk(
        self, database: Database, project: ProjectId
    ) -> None:
        waiting = await request_run(database, project, 1, 2)
        assert (await cancel_run(database, waiting)).state == "cancelled"
        run_id = await request_run(database, project, 1, 2)
        await take_run(database, "one")
        await save_progress(database, run_id, "one", PENDING, changes=b"some")

        assert (await cancel_run(database, run_id)).state == "cancelling"
        assert await save_progress(database, run_id, "one", PENDING) == "cancelling"
        taken = await take_run(database, "other")
        assert taken is not None
        assert taken.state == "cancelling"
        await save_progress(database, run_id, "other", Progress(), end="cancelled")

        assert await save_progress(database, run_id, "other", Progress()) is None
        with pytest.raises(Conflict, match="has ended already: cancelled"):
            await cancel_run(database, run_id)
        with pytest.raises(NotFound):
            await cancel_run(database, "x")

    async def test_the_newest_is_listed_first(self, database: Database, project: ProjectId) -> None:
        asked = [await request_run(database, one, 1, 2) for one in (project, None)]

        listed = await list_runs(database)

        assert [one.run_id for one in listed] == asked[::-1]

    async def test_a_run_over_no_project_and_an_unknown_run_are_rejected(
        self, database: Database
    ) -> None:
        with pytest.raises(NotFound):
            await request_run(database, ProjectId("no uuid"), 1, 2)
        with pytest.raises(NotFound, match="no reprice run x"):
            await find_run(database, "x")
