"""Annotation queues on both databases: who gets which item, and that twice is once."""

import asyncio
import uuid
from typing import Any

import pytest

from controlplane.accounts import SignUp, sign_up
from controlplane.crypto import Vault
from controlplane.database import Database
from controlplane.failures import BadRequest, Conflict, Forbidden, NotFound
from controlplane.llm import queue_items
from controlplane.llm.queue_items import add_items, list_items, remove_item
from controlplane.llm.queues import (
    add_queue,
    change_queue,
    find_queue,
    list_queues,
    people_of,
    remove_queue,
)
from controlplane.llm.reviews import (
    LEASE_US,
    Person,
    Review,
    find_review,
    item_before,
    left_for,
    mark_done,
    next_item,
    return_skipped,
    skip_item,
)
from controlplane.projects import create_project
from schemas.llm.annotation import Queue, QueueChange, QueueForm, Rule, SentTarget
from schemas.projects import ProjectId, UserId

RULES = (Rule(name="helpful", type="boolean"),)
NOW_US = 1_800_000_000_000_000


class World:
    """A project with a queue, and people who look at its items."""

    def __init__(self, database: Database, project_id: ProjectId, queue: Queue) -> None:
        self.database = database
        self.project_id = project_id
        self.queue = queue

    def person(self, number: int, now_us: int = NOW_US) -> Person:
        user = UserId(str(uuid.UUID(int=number)))
        return Person(self.project_id, self.queue.id, user, now_us)

    async def add(self, *traces: str) -> queue_items.Added:
        sent = [SentTarget(trace_id=one) for one in traces]
        return await add_items(self.database, self.project_id, self.queue.id, sent, by=None)

    async def next(self, number: int, now_us: int = NOW_US) -> Review | None:
        return await next_item(self.database, self.person(number, now_us))

    async def done(self, number: int, item_id: str, revision: int = 0, at: int = NOW_US) -> None:
        await mark_done(self.database, self.person(number, at), item_id, revision)

    async def ids(self) -> list[str]:
        items = await list_items(self.database, self.project_id, self.queue.id, limit=100)
        return [one.id for one in items]


async def make_world(database: Database, vault: Vault, **form: Any) -> World:
    person = await sign_up(database, vault, SignUp("Ann", "ann@example.com", "correct horse", "O"))
    made = await create_project(database, vault, person.user_id, "Shop")
    given: dict[str, Any] = {"name": "Weekly", "scores": RULES}
    queue = await add_queue(database, made.project_id, QueueForm(**given | form))
    return World(database, made.project_id, queue)


@pytest.fixture
async def world(database: Database, vault: Vault) -> World:
    return await make_world(database, vault)


def number_of(review: Review | None) -> int | None:
    return None if review is None else review.item.number


async def test_a_queue_is_kept_as_it_is_written_and_its_name_is_taken(world: World) -> None:
    database, project_id = world.database, world.project_id
    form = QueueForm(name=" Weekly ", scores=RULES)

    with pytest.raises(Conflict):
        await add_queue(database, project_id, form)
    with pytest.raises(BadRequest, match="reviewers"):
        await change_queue(database, project_id, world.queue.id, QueueChange(reviewers=6))
    changed = await change_queue(database, project_id, world.queue.id, QueueChange(reviewers=2))

    assert (changed.name, changed.scores, changed.reviewers) == ("Weekly", RULES, 2)
    assert [one.queue for one in await list_queues(database, project_id)] == [changed]
    await remove_queue(database, project_id, world.queue.id)
    assert await list_queues(database, project_id) == []


async def test_another_projects_queue_is_not_there(world: World, vault: Vault) -> None:
    other = await sign_up(
        world.database, vault, SignUp("Bob", "bob@example.com", "correct horse", "P")
    )
    made = await create_project(world.database, vault, other.user_id, "Other")
    await world.add("a")
    stranger = world.person(1)._replace(project_id=made.project_id)

    for asked in (
        find_queue(world.database, made.project_id, world.queue.id),
        add_items(
            world.database, made.project_id, world.queue.id, [SentTarget(trace_id="b")], by=None
        ),
        next_item(world.database, stranger),
        mark_done(world.database, stranger, (await world.ids())[0], 0),
        remove_queue(world.database, made.project_id, "no id"),
    ):
        with pytest.raises(NotFound):
            await asked


async def test_an_item_is_there_once_however_it_is_named(world: World) -> None:
    trace, span = "5b8efff798038103d269b633813fc60c", "eee19b7ec3c1b174"
    uuid_of = "5150A94D-0001-4000-8000-000000000001"
    assert await world.add(f"{trace}-{span}", uuid_of, uuid_of.lower()) == (2, 1)

    again = [SentTarget(trace_id=trace.upper(), span_id=span), SentTarget(session_id="s")]
    found = await add_items(world.database, world.project_id, world.queue.id, again, by=None)

    assert found == (1, 1)
    assert (await find_queue(world.database, world.project_id, world.queue.id)).progress.items == 3


@pytest.mark.parametrize(
    "sent",
    [
        [],
        [SentTarget()],
        [SentTarget(trace_id="a", session_id="s")],
        [SentTarget(span_id="0123456789abcdef")],
        [SentTarget(trace_id="a\0")],
        [SentTarget(trace_id=str(number)) for number in range(1001)],
    ],
)
async def test_what_is_no_item_is_rejected(world: World, sent: list[SentTarget]) -> None:
    with pytest.raises(BadRequest, match="items"):
        await add_items(world.database, world.project_id, world.queue.id, sent, by=None)


async def test_a_queue_that_would_be_too_long_takes_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue_items, "MAX_ITEMS", 2)
    await world.add("a")

    with pytest.raises(Conflict, match="at most 2 items"):
        await world.add("b", "c")

    assert await world.add("a", "b") == (1, 1)


async def test_two_people_get_two_items_at_the_same_time(world: World) -> None:
    await world.add("a", "b", "c")

    found = await asyncio.gather(*(world.next(number) for number in range(1, 5)))

    assert sorted(number_of(one) or 0 for one in found) == [0, 1, 2, 3]


async def test_who_opens_the_queue_again_gets_the_item_that_they_hold(world: World) -> None:
    await world.add("a", "b")

    assert number_of(await world.next(1)) == 1
    assert number_of(await world.next(1, NOW_US + 5)) == 1


async def test_an_item_that_nobody_saved_in_time_is_given_to_the_next(world: World) -> None:
    await world.add("a")
    assert number_of(await world.next(1)) == 1

    assert await world.next(2, NOW_US + LEASE_US - 1) is None
    taken = await world.next(2, NOW_US + LEASE_US)

    assert number_of(taken) == 1
    assert await world.next(1, NOW_US + LEASE_US) is None
    assert taken is not None
    await world.done(1, taken.item.id)  # late, and it counts
    assert await world.next(2, NOW_US + LEASE_US + 1) is None


async def test_as_many_people_look_at_an_item_as_the_queue_says(
    database: Database, vault: Vault
) -> None:
    world = await make_world(database, vault, reviewers=2)
    await world.add("a")
    (item,) = await world.ids()

    assert [number_of(await world.next(one)) for one in (1, 2, 3)] == [1, 1, None]
    await world.done(1, item)
    await world.done(1, item)  # the same save again
    assert (await find_queue(database, world.project_id, world.queue.id)).progress == (1, 0, 1)
    await world.done(2, item)

    assert (await find_queue(database, world.project_id, world.queue.id)).progress == (1, 1, 2)
    assert await world.next(3) is None
    people = await people_of(database, world.queue.id)
    assert sorted((one.done, one.skipped, one.name) for one in people) == [(1, 0, ""), (1, 0, "")]


async def test_saving_again_is_another_revision_and_counts_no_second_time(world: World) -> None:
    await world.add("a")
    (item,) = await world.ids()
    await world.done(1, item, 0)
    await world.done(1, item, 1)
    await world.done(1, item, 0)  # comes late

    found = await find_review(world.database, world.person(1), item)

    assert (found.state, found.revision, found.item.reviews) == ("done", 2, 1)


async def test_what_is_skipped_comes_no_more_until_it_is_asked_for(world: World) -> None:
    await world.add("a", "b")
    first, second = await world.ids()
    await world.next(1)
    await skip_item(world.database, world.person(1), first)
    assert number_of(await world.next(1)) == 2
    assert number_of(await world.next(2)) == 1
    await world.done(1, second)
    await skip_item(world.database, world.person(1), second)  # done stays done

    assert await left_for(world.database, world.person(1)) == (0, 1, 1)
    await return_skipped(world.database, world.person(1, NOW_US + LEASE_US))

    later = NOW_US + LEASE_US
    assert await left_for(world.database, world.person(1, later)) == (1, 1, 0)
    assert number_of(await world.next(1, later)) == 1


async def test_one_goes_back_through_what_one_was_done_with(world: World) -> None:
    await world.add("a", "b", "c")
    first, second, third = await world.ids()
    await world.done(1, first, at=NOW_US + 1)
    await skip_item(world.database, world.person(1, NOW_US + 2), second)
    await world.next(1, NOW_US + 3)
    await world.done(2, third)

    async def before(item: str | None) -> str | None:
        return await item_before(world.database, world.person(1), item)

    assert await before(third) == second
    assert await before(None) == second
    assert await before(second) == first
    assert await before(first) is None


async def test_an_item_is_removed_once_by_who_added_it_or_by_an_admin(world: World) -> None:
    ann, bob = (UserId(str(uuid.UUID(int=number))) for number in (1, 2))
    place = (world.database, world.project_id, world.queue.id)
    for number, by in enumerate((ann, ann, None)):
        await add_items(*place, [SentTarget(trace_id=f"t{number}")], by=by)
    first, second, third = await world.ids()
    await world.done(2, first)

    for stranger, item in ((bob, first), (ann, third)):
        with pytest.raises(Forbidden):
            await remove_item(*place, item, only_of=stranger)
    removed = [await remove_item(*place, first, only_of=ann) for _ in range(2)]
    by_admin = await remove_item(*place, third, only_of=None)

    assert (removed, by_admin) == ([True, False], True)
    assert await world.ids() == [second]
    assert (await find_queue(*place)).progress.reviews == 0


async def test_an_item_of_another_queue_or_project_or_of_no_id_is_not_removed(
    world: World, database: Database, vault: Vault
) -> None:
    await world.add("t")
    (item,) = await world.ids()
    form = QueueForm(name="Other", scores=RULES)
    other = await add_queue(database, world.project_id, form)
    person = await sign_up(database, vault, SignUp("Bob", "bob@example.com", "correct horse", "O"))
    elsewhere = (await create_project(database, vault, person.user_id, "Mine")).project_id

    assert not await remove_item(database, world.project_id, other.id, item, only_of=None)
    for project_id, named in ((elsewhere, item), (world.project_id, "x")):
        with pytest.raises(NotFound):
            await remove_item(database, project_id, world.queue.id, named, only_of=None)
    assert await world.ids() == [item]


async def test_who_has_no_account_is_called_as_they_were_when_they_looked(world: World) -> None:
    await world.add("t")
    (item,) = await world.ids()
    person = world.person(7)._replace(called="Reviewer 1 of the demo")

    await mark_done(world.database, person, item, 0)

    (share,) = await people_of(world.database, world.queue.id)
    assert (share.name, share.email, share.done) == ("Reviewer 1 of the demo", "", 1)
