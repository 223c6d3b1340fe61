import asyncio
import time

import pytest
from sqlalchemy import event

from controlplane.accounts import Account, SignUp, sign_up
from controlplane.crypto import Vault
from controlplane.database import Database
from controlplane.failures import Unauthorized, Unavailable
from controlplane.key_cache import GRACE_S, CacheBounds
from controlplane.keyring import KeyRing
from controlplane.keys import Key, KeyDraft, create_key, list_keys, revoke_key
from controlplane.projects import ProjectChange, delete_project, list_projects, update_project


class Clock:
    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


class Statements:
    """Counts what a database is asked."""

    def __init__(self, database: Database) -> None:
        self.count = 0
        event.listen(database.engine.sync_engine, "before_cursor_execute", self._count)

    def _count(self, _c: object, _cur: object, statement: str, *_rest: object) -> None:
        self.count += "api_key" in statement


@pytest.fixture
async def ann(database: Database, vault: Vault) -> Account:
    return await sign_up(database, vault, SignUp("Ann", "ann@example.com", "correct horse", "One"))


@pytest.fixture
async def key(database: Database, vault: Vault, ann: Account) -> Key:
    (project,) = await list_projects(database, ann.user_id)
    (key,) = await list_keys(database, vault, project.project_id)
    return key


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def ring(database: Database, clock: Clock) -> KeyRing:
    return KeyRing(database, CacheBounds(ttl_s=2.0), clock)


@pytest.mark.parametrize(
    "header", [None, "", "{}", "bearer {}", "Bearer  {}", "Bearer ", "Basic {}"]
)
async def test_a_header_of_another_form_is_refused(
    ring: KeyRing, key: Key, header: str | None
) -> None:
    given = header.format(key.plain) if header else header

    with pytest.raises(Unauthorized) as caught:
        await ring.project_of_header(given)

    assert caught.value.message == "Missing or invalid Authorization header"


@pytest.mark.parametrize("plain", ["pulse_sk_unknown", "\udce4", "x" * 10_000])
async def test_an_unknown_key_is_refused(ring: KeyRing, key: Key, plain: str) -> None:
    for _ in range(2):
        with pytest.raises(Unauthorized) as caught:
            await ring.project_of_header(f"Bearer {plain}")

        assert caught.value.message == "Invalid API key"


@pytest.mark.parametrize("header", ["Bearer {}", "Bearer {} ", " Bearer {}"])
async def test_a_key_leads_to_its_project_and_names_itself(
    ring: KeyRing, key: Key, header: str
) -> None:
    context = await ring.project_of_header(header.format(key.plain))

    assert (context.project_id, context.key_id) == (key.project_id, key.key_id)
    assert context.cost_preference == "reported"


async def test_known_and_unknown_keys_are_asked_for_once(
    database: Database, ring: KeyRing, key: Key
) -> None:
    statements = Statements(database)

    for _ in range(3):
        await ring.project_of_key(key.plain)
        with pytest.raises(Unauthorized):
            await ring.project_of_key("unknown")

    assert statements.count == 2


async def test_requests_that_come_together_share_one_question(
    database: Database, ring: KeyRing, key: Key
) -> None:
    statements = Statements(database)

    await asyncio.gather(*(ring.project_of_key(key.plain) for _ in range(50)))

    assert statements.count == 1


async def test_a_cancelled_request_takes_no_other_along(ring: KeyRing, key: Key) -> None:
    first = asyncio.create_task(ring.project_of_key(key.plain))
    second = asyncio.create_task(ring.project_of_key(key.plain))
    await asyncio.sleep(0)

    first.cancel()

    assert (await second).key_id == key.key_id


async def test_a_revocation_by_another_process_is_felt_after_two_seconds(
    database: Database, ring: KeyRing, key: Key, clock: Clock
) -> None:
    await ring.project_of_key(key.plain)

    await revoke_key(database, key.project_id, key.key_id)
    clock.now_s += 2.0

    with pytest.raises(Unauthorized):
        await ring.project_of_key(key.plain)


async def test_a_key_made_by_another_process_works_after_two_seconds(
    database: Database, vault: Vault, ring: KeyRing, key: Key, clock: Clock
) -> None:
    with pytest.raises(Unauthorized):
        await ring.project_of_key("given")

    await create_key(database, vault, key.project_id, KeyDraft("CI", "given"))
    clock.now_s += 2.0

    assert (await ring.project_of_key("given")).project_id == key.project_id


async def test_a_forgotten_key_stops_at_once(database: Database, ring: KeyRing, key: Key) -> None:
    await ring.project_of_key(key.plain)

    ring.forget(await revoke_key(database, key.project_id, key.key_id))

    with pytest.raises(Unauthorized):
        await ring.project_of_key(key.plain)


async def test_an_answer_read_before_the_revocation_is_not_remembered(
    database: Database, ring: KeyRing, key: Key
) -> None:
    reading = asyncio.create_task(ring.project_of_key(key.plain))
    await asyncio.sleep(0)

    key_hash = await revoke_key(database, key.project_id, key.key_id)
    ring.forget(key_hash)
    await asyncio.gather(reading, return_exceptions=True)

    with pytest.raises(Unauthorized):
        await ring.project_of_key(key.plain)


async def test_a_changed_or_deleted_project_is_felt_at_once(
    database: Database, ring: KeyRing, key: Key
) -> None:
    await ring.project_of_key(key.plain)

    await update_project(database, key.project_id, ProjectChange(cost_preference="computed"))
    ring.forget_project(key.project_id)
    assert (await ring.project_of_key(key.plain)).cost_preference == "computed"

    await delete_project(database, key.project_id)
    ring.forget_project(key.project_id)
    with pytest.raises(Unauthorized):
        await ring.project_of_key(key.plain)


async def test_a_flood_of_wrong_keys_takes_bounded_memory_and_displaces_no_right_one(
    database: Database, key: Key, clock: Clock
) -> None:
    ring = KeyRing(database, CacheBounds(max_keys=5), clock)
    await ring.project_of_key(key.plain)
    for number in range(20):
        with pytest.raises(Unauthorized):
            await ring.project_of_key(f"wrong {number}")

    statements = Statements(database)
    await ring.project_of_key(key.plain)

    assert statements.count == 0
    assert len(ring._keys._unknown) == 5


async def test_the_last_use_is_written_by_the_flush_and_not_by_the_request(
    database: Database, vault: Vault, ring: KeyRing, key: Key
) -> None:
    await ring.project_of_key(key.plain)
    (before,) = await list_keys(database, vault, key.project_id)

    flushed = [await ring.flush_last_used(), await ring.flush_last_used()]

    (after,) = await list_keys(database, vault, key.project_id)
    assert before.last_used_at is None
    assert after.last_used_at is not None
    assert abs(after.last_used_at.timestamp() - time.time()) < 60
    assert flushed == [1, 0]


class TestWithoutDatabase:
    @pytest.fixture
    def away(self, database: Database, monkeypatch: pytest.MonkeyPatch) -> object:
        def leave() -> None:
            def refuse() -> object:
                raise Unavailable("away", retry_after_s=1)

            monkeypatch.setattr(database, "reading", refuse)
            monkeypatch.setattr(database, "session", refuse)

        return leave

    async def test_a_key_never_seen_is_asked_to_come_back(
        self, ring: KeyRing, key: Key, away: object
    ) -> None:
        assert callable(away)
        away()

        with pytest.raises(Unavailable):
            await ring.project_of_key(key.plain)

    async def test_a_key_seen_lately_goes_on_for_a_while(
        self, ring: KeyRing, key: Key, clock: Clock, away: object
    ) -> None:
        await ring.project_of_key(key.plain)
        assert callable(away)
        away()

        clock.now_s += 10.0
        assert (await ring.project_of_key(key.plain)).key_id == key.key_id

        clock.now_s += GRACE_S
        with pytest.raises(Unavailable):
            await ring.project_of_key(key.plain)

    async def test_the_last_use_waits_for_the_next_flush(
        self, ring: KeyRing, key: Key, away: object, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        await ring.project_of_key(key.plain)
        assert callable(away)
        away()
        with pytest.raises(Unavailable):
            await ring.flush_last_used()

        monkeypatch.undo()

        assert await ring.flush_last_used() == 1
