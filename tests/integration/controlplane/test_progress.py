"""What the progress of a partition owes its workers, on both databases."""

import asyncio
from collections.abc import AsyncIterator, Awaitable

import pytest
from sqlalchemy import text

from controlplane.database import Database
from controlplane.failures import NotOwner, Unavailable
from controlplane.progress import Ownership, PartitionProgress
from schemas.checkpoints import Intent, Progress

LOG, TOPIC = "cluster-1/topic-1", "raw.traces"
BLOCK = Intent(0, 9, by_parts=False, epoch="e1")
NEXT = Intent(10, 14, by_parts=True, epoch="e2")


@pytest.fixture
def progress(database: Database) -> PartitionProgress:
    return PartitionProgress(database)


@pytest.fixture
async def other(url: str, database: Database) -> AsyncIterator[PartitionProgress]:
    """What another process sees."""
    its_own = Database(url)
    yield PartitionProgress(its_own)
    await its_own.close()


async def pending_of(progress: PartitionProgress) -> Intent | None:
    return (await progress.read(LOG, TOPIC))[0].progress.pending


async def stored_of(progress: PartitionProgress) -> int:
    return (await progress.read(LOG, TOPIC))[0].progress.stored_through


async def test_what_nobody_has_claimed_is_refused(progress: PartitionProgress) -> None:
    with pytest.raises(NotOwner, match="nobody has claimed it"):
        await progress.check(LOG, TOPIC, 0, 1)
    with pytest.raises(NotOwner):
        await progress.declare(LOG, TOPIC, 0, 1, BLOCK)

    assert await progress.read(LOG, TOPIC) == {}


async def test_an_owner_of_before_is_refused_and_changes_nothing(
    progress: PartitionProgress, other: PartitionProgress
) -> None:
    zombie = await progress.claim(LOG, TOPIC, 0, "worker-a")
    await progress.declare(LOG, TOPIC, 0, zombie.epoch, BLOCK)

    owner = await other.claim(LOG, TOPIC, 0, "worker-b")

    refused: list[Awaitable[None]] = [
        progress.declare(LOG, TOPIC, 0, zombie.epoch, NEXT),
        progress.complete(LOG, TOPIC, 0, zombie.epoch, 9),
        progress.check(LOG, TOPIC, 0, zombie.epoch),
    ]
    for call in refused:
        with pytest.raises(NotOwner) as caught:
            await call
        for part in ("partition 0 of raw.traces", "epoch 1,", "now 2, of worker-b"):
            assert part in caught.value.message
    assert await other.read(LOG, TOPIC) == {0: owner}
    assert owner == Ownership("worker-b", 2, Progress(-1, BLOCK))


async def test_a_statement_that_waits_for_a_claim_is_refused_by_it(
    database: Database, progress: PartitionProgress
) -> None:
    zombie = await progress.claim(LOG, TOPIC, 0, "worker-a")

    async with database.session() as session:
        await session.execute(text("UPDATE partition_progress SET owner_epoch = 2"))
        late = asyncio.create_task(progress.declare(LOG, TOPIC, 0, zombie.epoch, BLOCK))
        await asyncio.sleep(0)

    with pytest.raises(NotOwner):
        await late


async def test_a_first_claim_begins_with_nothing(progress: PartitionProgress) -> None:
    assert await progress.claim(LOG, TOPIC, 0, "a") == Ownership("a", 1, Progress(-1, None))
    # The answer may have been lost: the same worker comes again.
    assert await progress.claim(LOG, TOPIC, 0, "a") == Ownership("a", 2, Progress(-1, None))


async def test_a_later_claim_finds_what_is_durable(
    progress: PartitionProgress, other: PartitionProgress
) -> None:
    first = await progress.claim(LOG, TOPIC, 0, "a")
    await progress.declare(LOG, TOPIC, 0, first.epoch, BLOCK)
    assert await other.claim(LOG, TOPIC, 0, "b") == Ownership("b", 2, Progress(-1, BLOCK))

    await other.complete(LOG, TOPIC, 0, 2, 9)
    await other.declare(LOG, TOPIC, 0, 2, NEXT)
    assert await progress.claim(LOG, TOPIC, 0, "a") == Ownership("a", 3, Progress(9, NEXT))

    await progress.complete(LOG, TOPIC, 0, 3, 14)
    assert await other.claim(LOG, TOPIC, 0, "b") == Ownership("b", 4, Progress(14, None))


async def test_of_claims_at_once_each_has_an_epoch_and_the_last_is_the_owner(
    progress: PartitionProgress, other: PartitionProgress
) -> None:
    claims = await asyncio.gather(
        *((progress, other)[n % 2].claim(LOG, TOPIC, 0, f"worker-{n}") for n in range(20))
    )

    assert sorted(claim.epoch for claim in claims) == list(range(1, 21))
    last = max(range(20), key=lambda n: claims[n].epoch)
    assert (await progress.read(LOG, TOPIC))[0].owner == f"worker-{last}"
    held = await asyncio.gather(
        *(progress.check(LOG, TOPIC, 0, claim.epoch) for claim in claims), return_exceptions=True
    )
    assert [n for n, refused in enumerate(held) if refused is None] == [last]


async def test_what_is_stored_never_goes_back(progress: PartitionProgress) -> None:
    epoch = (await progress.claim(LOG, TOPIC, 0, "a")).epoch

    for through in (9, 14, 3):
        await progress.complete(LOG, TOPIC, 0, epoch, through)

    assert await stored_of(progress) == 14


async def test_offsets_may_need_more_than_32_bits(progress: PartitionProgress) -> None:
    epoch = (await progress.claim(LOG, TOPIC, 0, "a")).epoch
    await progress.complete(LOG, TOPIC, 0, epoch, 2**40)
    block = BLOCK._replace(first=2**40 + 1, last=2**62)

    await progress.declare(LOG, TOPIC, 0, epoch, block)
    assert await progress.claim(LOG, TOPIC, 0, "b") == Ownership("b", 2, Progress(2**40, block))

    await progress.complete(LOG, TOPIC, 0, 2, 2**62)
    assert (await stored_of(progress), await pending_of(progress)) == (2**62, None)


async def test_every_call_may_be_repeated(progress: PartitionProgress) -> None:
    epoch = (await progress.claim(LOG, TOPIC, 0, "a")).epoch

    for _ in range(2):
        await progress.declare(LOG, TOPIC, 0, epoch, BLOCK)
    assert await pending_of(progress) == BLOCK

    for _ in range(2):
        await progress.complete(LOG, TOPIC, 0, epoch, BLOCK.last)
    assert (await stored_of(progress), await pending_of(progress)) == (9, None)


async def test_a_completion_that_comes_again_leaves_the_next_block_pending(
    progress: PartitionProgress,
) -> None:
    epoch = (await progress.claim(LOG, TOPIC, 0, "a")).epoch
    await progress.complete(LOG, TOPIC, 0, epoch, BLOCK.last)
    await progress.declare(LOG, TOPIC, 0, epoch, NEXT)

    await progress.complete(LOG, TOPIC, 0, epoch, BLOCK.last)

    assert await pending_of(progress) == NEXT


async def test_partitions_topics_and_logs_do_not_touch_each_other(
    progress: PartitionProgress,
) -> None:
    places = [(LOG, TOPIC, 0), (LOG, TOPIC, 1), (LOG, "raw.spans", 0), ("made anew", TOPIC, 0)]
    for number, place in enumerate(places):
        assert await progress.claim(*place, "a") == Ownership("a", 1, Progress(-1, None))
        await progress.complete(*place, 1, 10 + number)

    assert await progress.read(LOG, TOPIC) == {
        0: Ownership("a", 1, Progress(10, None)),
        1: Ownership("a", 1, Progress(11, None)),
    }
    assert await progress.read("made anew", TOPIC) == {0: Ownership("a", 1, Progress(13, None))}


async def test_a_value_that_no_database_takes_is_not_taken_for_a_bad_moment(
    progress: PartitionProgress,
) -> None:
    await progress.claim(LOG, TOPIC, 0, "a")

    with pytest.raises(Exception) as caught:  # noqa: PT011 - each driver has its own
        await progress.complete(LOG, TOPIC, 0, 1, 2**63)

    assert not isinstance(caught.value, Unavailable | NotOwner)
