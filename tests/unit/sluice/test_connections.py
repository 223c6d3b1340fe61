"""Which connection goes when there is no place for another."""

import resource

import pytest

from schemas.settings import Settings
from sluice.connections import Bounds, Connections, Rank, bounds_of, raise_open_files

BOUNDS = Bounds(connections=4, connections_per_address=2)
ELSEWHERE = "192.0.2.1"
STRANGER, IDLE, WAITED_FOR, BUSY = Rank


class One:
    """A connection that is what it is told to be."""

    def __init__(self, now: Rank = STRANGER) -> None:
        self.now = now
        self.is_open = True
        self.late: str | None = None

    def rank(self) -> Rank:
        return self.now

    def overdue(self, now: float, elapsed_s: float) -> str | None:
        return self.late

    def abort(self) -> None:
        self.is_open = False


def admit(connections: Connections, ranks: list[Rank], address: str | None = None) -> list[One]:
    """Returns connections that have come in this order and become this, each with its address."""
    made = []
    for number, rank in enumerate(ranks):
        one = One()
        assert connections.admit(one, address or f"192.0.2.{10 + number}")
        one.now = rank
        connections.update(one)
        made.append(one)
    return made


class TestTotal:
    @pytest.mark.parametrize(
        ("ranks", "first"),
        [
            ([BUSY, IDLE, STRANGER, STRANGER], 2),
            ([WAITED_FOR, BUSY, IDLE, IDLE], 2),
            ([BUSY, WAITED_FOR, WAITED_FOR, BUSY], 1),
        ],
    )
    def test_a_new_one_takes_the_place_of_the_least_worth(
        self, ranks: list[Rank], first: int
    ) -> None:
        connections = Connections(BOUNDS)
        made = admit(connections, ranks)

        assert connections.admit(One(), ELSEWHERE)

        assert [one.is_open for one in made] == [number != first for number in range(4)]
        assert len(connections) == 4

    def test_the_longest_idle_goes_first(self) -> None:
        connections = Connections(BOUNDS)
        made = admit(connections, [IDLE] * 4)
        for rank in (BUSY, IDLE):
            made[0].now = rank
            connections.update(made[0])

        connections.admit(One(), ELSEWHERE)

        assert [one.is_open for one in made] == [True, False, True, True]

    def test_a_stranger_who_has_become_known_since_is_no_stranger(self) -> None:
        connections = Connections(BOUNDS)
        made = admit(connections, [STRANGER] * 4)
        made[0].now = BUSY

        connections.admit(One(), ELSEWHERE)

        assert [one.is_open for one in made] == [True, False, True, True]

    def test_where_all_are_busy_the_new_one_is_closed(self) -> None:
        connections = Connections(BOUNDS)
        made = admit(connections, [BUSY] * 4)
        new = One()

        assert not connections.admit(new, ELSEWHERE)

        assert not new.is_open
        assert all(one.is_open for one in made)

    def test_whoever_has_gone_leaves_a_place(self) -> None:
        connections = Connections(BOUNDS)
        made = admit(connections, [BUSY] * 4)
        connections.forget(made[0])
        connections.forget(made[0])

        assert connections.admit(One(), ELSEWHERE)


class TestAddresses:
    def test_one_address_takes_places_of_its_own_alone(self) -> None:
        connections = Connections(BOUNDS)
        (other,) = admit(connections, [STRANGER])
        made = admit(connections, [STRANGER] * 3, ELSEWHERE)

        assert [one.is_open for one in (other, *made)] == [True, False, True, True]

    @pytest.mark.parametrize(
        "address", ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1", "10.1.2.3", "fd00::7"]
    )
    def test_many_stand_behind_a_proxy_or_this_machine(self, address: str) -> None:
        connections = Connections(BOUNDS, ["10.0.0.0/8", "fd00::/8", "proxy.example.com"])

        made = admit(connections, [STRANGER] * 4, address)

        assert all(one.is_open for one in made)

    def test_a_network_of_ipv6_is_one_sender(self) -> None:
        connections = Connections(BOUNDS)
        (other,) = admit(connections, [STRANGER], "2001:db8:0:1::1")
        made = [admit(connections, [STRANGER], f"2001:db8::{host}")[0] for host in range(1, 4)]

        assert [one.is_open for one in (other, *made)] == [True, False, True, True]


class TestSweep:
    def test_those_whose_time_is_over_are_cut(self) -> None:
        connections = Connections(BOUNDS)
        late, early = admit(connections, [STRANGER, BUSY])
        late.late = "head"

        connections.sweep(1.0)

        assert (late.is_open, early.is_open, len(connections)) == (False, True, 1)


class TestBounds:
    @pytest.mark.parametrize(
        ("settings", "open_files", "expected"),
        [
            (Settings(), 1024, (384, 96)),
            (Settings(), 65_536, (10_000, 2500)),
            (Settings(max_connections=100, max_connections_per_address=7), 1024, (100, 7)),
            (Settings(max_connections=5000), 1024, (384, 96)),
            (Settings(), 64, (1, 1)),
        ],
    )
    def test_connections_leave_files_for_the_stores(
        self, settings: Settings, open_files: int, expected: tuple[int, int]
    ) -> None:
        bounds = bounds_of(settings, open_files)

        assert (bounds.connections, bounds.connections_per_address) == expected

    def test_the_process_may_open_as_many_files_as_it_is_allowed_to(self) -> None:
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        lower = min(256, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (lower, hard))
        try:
            raised = raise_open_files()

            assert raised == resource.getrlimit(resource.RLIMIT_NOFILE)[0]
            assert raised == min(hard, 65_536)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
