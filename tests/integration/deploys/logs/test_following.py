"""The log of a deployment over a WebSocket, as the client `websockets` follows it."""

import uuid
from typing import Any

import pytest
import uvloop
from structlog.testing import capture_logs
from websockets.exceptions import ConnectionClosed

from api.deploys import feeds, following
from clickhouse.client import Warehouse
from deploys.lines.masking import Masker
from deploys.lines.sending import sender
from deploys.lines.writing import LineWriter, Log
from tests.integration.deploys.logs.followers import (
    Followed,
    next_of,
    only_feed,
    rest,
    seqs,
    until,
)
from tests.integration.deploys.logs.hosts import TOKEN, Host, line, store_lines

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*event_loop_policy.*:DeprecationWarning"),
    pytest.mark.timeout(120),
    pytest.mark.usefixtures("quick"),
]


@pytest.fixture(scope="module")
def event_loop_policy() -> Any:
    """The loop of our servers."""
    return uvloop.EventLoopPolicy()


class TestDenied:
    async def test_before_the_upgrade_it_is_said_who_may_not_follow(
        self, followed: Followed, deployment_id: str
    ) -> None:
        assert await followed.status(deployment_id, "") == (401, "authorization required")
        wrong = await followed.status(deployment_id, "token=wrong")
        assert wrong == (401, "invalid or expired token")
        not_found = await followed.status(str(uuid.uuid4()))
        assert not_found == (404, "deployment not found")
        broken, error = await followed.status(deployment_id, f"token={TOKEN}&after_seq=x")
        assert (broken, error.split(":")[0]) == (400, "after_seq")

    @pytest.mark.parametrize(
        "origin", ["https://evil.example", "null", "http://127.0.0.1:1", "http://[", "file://"]
    )
    async def test_a_page_of_another_origin_may_not(
        self, followed: Followed, deployment_id: str, origin: str
    ) -> None:
        told = await followed.status(deployment_id, origin=origin)

        assert told == (403, "this origin may not read logs")

    async def test_our_own_pages_and_those_of_allowed_origins_may(
        self, followed: Followed, deployment_id: str
    ) -> None:
        for origin in (f"http://127.0.0.1:{followed.port}", "https://ui.example.com"):
            async with followed.follow(deployment_id, origin=origin):
                pass

    async def test_viewers_are_bounded_by_project_and_in_all(
        self, followed: Followed, deployment_id: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(feeds, "MOST_VIEWERS", 2)
        async with followed.follow(deployment_id):
            own = await followed.status(deployment_id)
            monkeypatch.setattr(feeds, "MOST_FEEDS", 1)
            monkeypatch.setattr(feeds, "MOST_VIEWERS", 10)
            other = str(uuid.uuid4())
            followed.host.deployments.add(other)
            all_together = await followed.status(other)

        assert own == (429, "too many viewers of this project at one time")
        assert all_together == (503, "too many viewers at one time")
        await until(lambda: not followed.feeds._followed)
        assert not +followed.feeds._viewers


class TestFollowing:
    async def test_what_is_stored_is_replayed_then_lines_come_as_they_are_printed(
        self, warehouse: Warehouse, followed: Followed, deployment_id: str
    ) -> None:
        old = [line(deployment_id, seq) for seq in range(1, 1_201)]
        await store_lines(warehouse, followed.host.project, *old)
        async with (
            followed.follow(deployment_id) as client,
            followed.writer(deployment_id, 1_201) as log,
        ):
            assert await seqs(client, 1_200) == list(range(1, 1_201))
            await log.write("stderr", b"WARN live\n")
            told = await next_of(client)
            await log.write("stdout", b"more\nand more\n")
            assert await seqs(client, 2) == [1_202, 1_203]

        # It is in no store: it was heard at the end of the log.
        assert (told["seq"], told["message"], told["level"]) == (1_201, "WARN live", "warn")
        assert set(told) == {
            *("id", "created_at", "updated_at", "deployment_id"),
            *("level", "message", "stream", "seq"),
        }

    @pytest.mark.parametrize("after", [0, 3, 499, 500, 501, 1_100, 1_200, 5_000])
    async def test_it_goes_on_behind_a_number(
        self, warehouse: Warehouse, followed: Followed, deployment_id: str, after: int
    ) -> None:
        kept = [*range(1, 700), *range(720, 1_201)]
        lines = [line(deployment_id, seq) for seq in kept]
        await store_lines(warehouse, followed.host.project, *lines)
        followed.host.end(deployment_id)

        async with followed.follow(deployment_id, f"token={TOKEN}&after_seq={after}") as client:
            *told, end = await rest(client)

        assert [one["seq"] for one in told] == [seq for seq in kept if seq > after]
        assert end == {
            "type": "end",
            "deployment_id": deployment_id,
            "status": "stopped",
            "last_seq": max(after, 1_200),
        }

    async def test_it_ends_right_behind_the_last_line_however_late_that_comes(
        self, warehouse: Warehouse, followed: Followed, deployment_id: str
    ) -> None:
        followed.host.end(deployment_id, last_seq=2)
        async with followed.follow(deployment_id) as client:
            async with followed.writer(deployment_id) as log:
                await log.write("stdout", b"one\n")
                assert await seqs(client, 1) == [1]
                asked = followed.host.asked
                await until(lambda: followed.host.asked > asked + 2)
                await log.write("stdout", b"two")

            *told, end = await rest(client)

        assert [one["message"] for one in told] == ["two"]
        assert end["last_seq"] == 2

    @pytest.mark.parametrize("is_long_over", [False, True])
    async def test_a_last_line_that_was_never_printed_is_waited_for_a_while(
        self, warehouse: Warehouse, followed: Followed, deployment_id: str, is_long_over: bool
    ) -> None:
        await store_lines(warehouse, followed.host.project, line(deployment_id, 1))
        more_s = 0.0 if is_long_over else -600.0
        followed.host.end(deployment_id, last_seq=1_000, seconds_ago=feeds.LOST_S + more_s)

        async with followed.follow(deployment_id) as client:
            assert await seqs(client, 1) == [1]
            if is_long_over:
                assert [end["type"] for end in await rest(client)] == ["end"]
            else:
                await until(lambda: followed.host.asked > 3)
                assert only_feed(followed).ending is None

    async def test_lines_that_were_not_heard_come_from_the_store_in_their_place(
        self, warehouse: Warehouse, followed: Followed, deployment_id: str
    ) -> None:
        async with (
            followed.follow(deployment_id) as client,
            followed.writer(deployment_id, 5) as log,
        ):
            await until(lambda: only_feed(followed)._is_begun)
            await log.write("stdout", b"five\n")
            await until(lambda: only_feed(followed)._heard)
            # Not yet shown: nobody knows what was before it.
            lost = [line(deployment_id, seq) for seq in (2, 3)]
            await store_lines(warehouse, followed.host.project, *lost)
            assert await seqs(client, 2) == [2, 3]
            await store_lines(warehouse, followed.host.project, line(deployment_id, 5))
            await log.write("stdout", b"six\n")

            assert await seqs(client, 2) == [5, 6]

    async def test_without_a_tail_lines_come_when_they_are_stored(
        self, warehouse: Warehouse, host: Host, deployment_id: str
    ) -> None:
        one = Followed(warehouse, host, None)  # type: ignore[arg-type] # nobody prints into it
        async with one.serving(None), one.follow(deployment_id) as client:
            await store_lines(warehouse, host.project, line(deployment_id, 1))
            assert await seqs(client, 1) == [1]
            await store_lines(warehouse, host.project, line(deployment_id, 2))
            assert await seqs(client, 1) == [2]

    async def test_a_store_that_is_away_holds_nothing_up_but_what_it_has(
        self, warehouse: Warehouse, followed: Followed, deployment_id: str
    ) -> None:
        await store_lines(warehouse, followed.host.project, line(deployment_id, 1))
        followed.store.is_away = True
        async with (
            followed.follow(deployment_id) as client,
            followed.writer(deployment_id, 2) as log,
        ):
            await log.write("stdout", b"two\n")
            await until(lambda: only_feed(followed)._heard)
            followed.store.is_away = False
            assert await seqs(client, 2) == [1, 2]
            followed.store.is_away = True
            await log.write("stdout", b"three\n")

            assert await seqs(client, 1) == [3]

    async def test_what_cannot_be_kept_until_it_is_stored_comes_from_the_store(
        self,
        warehouse: Warehouse,
        followed: Followed,
        deployment_id: str,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(feeds, "MOST_KEPT_BYTES", 10_000)
        monkeypatch.setattr(feeds, "MOST_HEARD", 400)
        async with followed.follow(deployment_id) as client:
            await until(lambda: only_feed(followed)._is_begun)
            async with followed.writer(deployment_id) as log:
                for _ in range(20):
                    await log.write("stdout", b"x\n" * 100)
                    await until(lambda: not log._waiting)
            heard = only_feed(followed).last_seq
            assert await seqs(client, heard) == list(range(1, heard + 1))
            assert only_feed(followed)._bytes < 100_000
            lines = [line(deployment_id, seq) for seq in range(1, 2_001)]
            await store_lines(warehouse, followed.host.project, *lines)
            others = list(range(heard + 1, 2_001))

            assert await seqs(client, len(others)) == others

    async def test_a_turn_that_does_not_come_holds_no_line_up(
        self, followed: Followed, deployment_id: str
    ) -> None:
        async with (
            followed.follow(deployment_id) as client,
            followed.writer(deployment_id) as log,
        ):
            await log.write("stdout", b"one\n")
            assert await seqs(client, 1) == [1]
            followed.store.held.clear()
            try:
                await log.write("stdout", b"two\n")
                assert await seqs(client, 1) == [2]
            finally:
                followed.store.held.set()

    async def test_lines_of_other_deployments_and_projects_are_not_shown(
        self, followed: Followed, deployment_id: str
    ) -> None:
        stranger = Host(followed.host.project, set())
        stranger.project = type(followed.host.project)("stranger")  # type: ignore[arg-type]
        other = LineWriter(
            Log(stranger.project.project_id, deployment_id),
            Masker([]),
            send=sender(followed.event_log),
        )
        async with (
            followed.follow(deployment_id) as client,
            other,
            followed.writer(str(uuid.uuid4())) as neighbour,
            followed.writer(deployment_id) as own,
        ):
            await until(lambda: only_feed(followed)._is_begun)
            await other.write("stdout", b"of a stranger\n")
            await neighbour.write("stdout", b"of a neighbour\n")
            await own.write("stdout", b"own\n")

            assert (await next_of(client))["message"] == "own"

    async def test_who_may_not_read_any_more_is_shown_no_more(
        self, followed: Followed, deployment_id: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(following, "ASKED_AGAIN_S", 0.05)
        async with followed.follow(deployment_id) as client:
            followed.host.tokens.clear()
            with pytest.raises(ConnectionClosed) as raised:
                await next_of(client)

        assert raised.value.rcvd is not None
        assert raised.value.rcvd.code == 1008
        await until(lambda: not followed.feeds._followed)

    async def test_who_follows_what_is_removed_is_told_so_at_once_and_nobody_reads_it_on(
        self, followed: Followed, deployment_id: str
    ) -> None:
        async with followed.follow(deployment_id) as client:
            await until(lambda: followed.host.asked)
            with capture_logs() as logged:
                followed.host.deployments.clear()
                with pytest.raises(ConnectionClosed) as raised:
                    await next_of(client)

        assert raised.value.rcvd is not None
        assert (raised.value.rcvd.code, raised.value.rcvd.reason) == (
            1008,
            "the deployment was removed",
        )
        assert not logged
        await until(lambda: not followed.feeds._followed)

    async def test_what_a_client_says_is_not_listened_to_and_nothing_stays_when_it_goes(
        self, followed: Followed, deployment_id: str
    ) -> None:
        async with (
            followed.follow(deployment_id) as client,
            followed.writer(deployment_id) as log,
        ):
            for _ in range(100):
                await client.send("x" * 1_000)
            await log.write("stdout", b"one\n")
            assert await seqs(client, 1) == [1]

        await until(lambda: not followed.feeds._followed)
        assert followed.feeds._hearing is None
