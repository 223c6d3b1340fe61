"""All connections of one server: how many there may be, which one goes first, and when each is cut.

Cutting is silent but for counters and one log line a minute: a line for each would be an attack of
its own.
"""

import contextlib
import ipaddress
import resource
from collections import Counter, OrderedDict
from collections.abc import Callable, Collection
from enum import IntEnum
from typing import Protocol, TypeAlias

import structlog
from msgspec import Struct

from controlplane.attempts import network_of
from schemas.metrics import CONNECTIONS, CONNECTIONS_CUT
from schemas.settings import Settings

MOST_OPEN_FILES = 65_536
FILES_OF_STORES = 256
"""What log, stores and the interpreter have open at one time, and as much again."""
MOST_CONNECTIONS = 10_000
SHARE_OF_ADDRESS = 4
DISCARDED_S = 5.0
LOG_EVERY_S = 60.0
USUAL = frozenset({"idle"})

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address

log = structlog.get_logger(__name__)


class Bounds(Struct, frozen=True, kw_only=True):
    """What one connection may take, and all of them together."""

    head_bytes: int = 64 << 10
    """Of URL, headers and trailers of one request."""
    head_s: float = 30.0
    """From the opening, or from the first byte of a later request, to the end of its headers."""
    body_s: float = 30.0
    """For a body, and one second more for each `least_bytes_per_s` that came."""
    answer_s: float = 30.0
    """For how long a client may leave an answer unread, and so on as for a body."""
    least_bytes_per_s: int = 64 << 10
    idle_s: float = 75.0
    """Between two requests."""
    discarded_s: float = DISCARDED_S
    """For what still comes of a request that is answered, and so on as for a body."""
    discarded_bytes: int = 64 << 20
    pipelined: int = 128
    """Requests that may wait behind one that is being answered."""
    connections: int = 384
    connections_per_address: int = 96


class Rank(IntEnum):
    """In which order connections go when a new one needs a place; the last kind never does."""

    STRANGER = 0
    """Has had no complete request of somebody known."""
    IDLE = 1
    """Waits for the next request."""
    WAITED_FOR = 2
    """Sends a request, or leaves an answer unread."""
    BUSY = 3
    """Waits for us."""


class Connection(Protocol):
    """What is asked of a connection."""

    def rank(self) -> Rank:
        """Returns what it is at this moment."""
        ...

    def overdue(self, now: float, elapsed_s: float) -> str | None:
        """Returns which deadline has passed; called about every second."""
        ...

    def abort(self) -> None:
        """Closes it at once."""
        ...


class _Group:
    """Connections by rank; within each, the one that came to it first is the first to go."""

    def __init__(self) -> None:
        self._ranks: tuple[OrderedDict[Connection, None], ...] = tuple(OrderedDict() for _ in Rank)
        self.size = 0

    def add(self, one: Connection, rank: Rank) -> None:
        self._ranks[rank][one] = None
        self.size += 1

    def move(self, one: Connection, before: Rank, rank: Rank) -> None:
        del self._ranks[before][one]
        self._ranks[rank][one] = None

    def remove(self, one: Connection, rank: Rank) -> None:
        del self._ranks[rank][one]
        self.size -= 1

    def first(self) -> Connection | None:
        """Returns which connection goes next; `None` where all of them are busy."""
        for rank in self._ranks[: Rank.BUSY]:
            if rank:
                return next(iter(rank))
        return None


class Tally(Protocol):
    """What processes that share a port know of each other's connections."""

    processes: int

    def note(self, key: str | None, change: int) -> None:
        """Counts connections of an address, `None` where it is not counted by itself."""
        ...

    def elsewhere(self, key: str | None) -> int:
        """Returns how many other processes have: of an address, or with `None` of all."""
        ...


class _Alone:
    """That of a process which shares its port with none."""

    processes = 1

    def note(self, key: str | None, change: int) -> None:
        pass

    def elsewhere(self, key: str | None) -> int:
        return 0


class Connections:
    """Those of one server.

    The bounds are those of all processes that share its port. A process takes a new connection
    within its part of a bound even when others have taken more than theirs, who then close some of
    their own within a second.
    """

    def __init__(
        self, bounds: Bounds, proxies: Collection[str] = (), tally: Tally | None = None
    ) -> None:
        self.bounds = bounds
        self._tally = tally or _Alone()
        self._is_proxy = _matcher(proxies)
        self._all = _Group()
        self._by_address: dict[str, _Group] = {}
        self._places: dict[Connection, tuple[Rank, str | None]] = {}
        self._swept_at: float | None = None
        self._unlogged: Counter[str] = Counter()
        self._logged_at = float("-inf")

    def __len__(self) -> int:
        return len(self._places)

    def admit(self, one: Connection, address: str | None) -> bool:
        """Takes a new connection, where need be in the place of another.

        `False` when all that it could replace are busy: then it was closed.
        """
        key = None if address is None or self._is_proxy(address) else network_of(address)
        group = self._by_address.get(key) if key else None
        bounds = self.bounds
        if key and self._is_full(group, key, bounds.connections_per_address):
            admitted = group is not None and self._make_place(group, "address")
        elif self._is_full(self._all, None, bounds.connections):
            admitted = self._make_place(self._all, "crowded")
        else:
            admitted = True
        if not admitted:
            self.count("full")
            one.abort()
            return False
        self._places[one] = Rank.STRANGER, key
        self._tally.note(key, 1)
        for each in self._groups(key):
            each.add(one, Rank.STRANGER)
        return True

    def update(self, one: Connection) -> None:
        """Notes what a connection has become."""
        before, key = self._places.get(one, (None, None))
        rank = one.rank()
        if before is None or before is rank:
            return
        self._places[one] = rank, key
        for group in self._groups(key):
            group.move(one, before, rank)

    def forget(self, one: Connection) -> None:
        """Lets go of a connection. May be called twice."""
        rank, key = self._places.pop(one, (None, None))
        if rank is None:
            return
        self._tally.note(key, -1)
        for group in self._groups(key):
            group.remove(one, rank)
        if key and not self._by_address[key].size:
            del self._by_address[key]

    def replace(self, one: Connection, other: Connection) -> None:
        """Gives a connection's place to what it has become."""
        _, key = self._places[one]
        self.forget(one)
        self._places[other] = Rank.STRANGER, key
        self._tally.note(key, 1)
        for group in self._groups(key):
            group.add(other, Rank.STRANGER)

    def cut(self, one: Connection, reason: str) -> None:
        """Closes a connection at once."""
        self.count(reason)
        self.forget(one)
        one.abort()

    def count(self, reason: str) -> None:
        """Counts one that is cut."""
        CONNECTIONS_CUT.labels(reason).inc()
        if reason not in USUAL:
            self._unlogged[reason] += 1

    def sweep(self, now: float) -> None:
        """Cuts those whose deadline has passed. To be called about every second."""
        elapsed_s = 0.0 if self._swept_at is None else now - self._swept_at
        self._swept_at = now
        for one in list(self._places):
            if reason := one.overdue(now, elapsed_s):
                self.cut(one, reason)
        self._leave_to_others()
        CONNECTIONS.set(len(self._places))
        if self._unlogged and now - self._logged_at >= LOG_EVERY_S:
            log.warning("connections cut", **self._unlogged, open=len(self._places))
            self._unlogged.clear()
            self._logged_at = now

    def _is_full(self, group: _Group | None, key: str | None, bound: int) -> bool:
        size = group.size if group else 0
        return size >= self._part(bound) and size + self._tally.elsewhere(key) >= bound

    def _part(self, bound: int) -> int:
        return max(1, bound // self._tally.processes)

    def _leave_to_others(self) -> None:
        """Closes what others have taken beyond a bound, as far as it is beyond our part."""
        if self._tally.processes == 1:
            return
        bounds = self.bounds
        self._shrink(self._all, None, bounds.connections, "crowded")
        for key, group in list(self._by_address.items()):
            self._shrink(group, key, bounds.connections_per_address, "address")

    def _shrink(self, group: _Group, key: str | None, bound: int, reason: str) -> None:
        most = max(self._part(bound), bound - self._tally.elsewhere(key))
        while group.size > most and self._make_place(group, reason):
            pass

    def _make_place(self, group: _Group, reason: str) -> bool:
        while one := group.first():
            # Its request may have become somebody's since: that is not told to us.
            if self._places[one][0] is one.rank():
                self.cut(one, reason)
                return True
            self.update(one)
        return False

    def _groups(self, key: str | None) -> tuple[_Group, ...]:
        if key is None:
            return (self._all,)
        return self._all, self._by_address.setdefault(key, _Group())


def bounds_of(settings: Settings, open_files: int) -> Bounds:
    """Returns the bounds for a process that may have so many files open.

    As many as there may be connections may be accepted before the first of others is closed for
    them, which is why half of the files are left.
    """
    most = max(1, (open_files - FILES_OF_STORES) // 2)
    connections = min(settings.max_connections or MOST_CONNECTIONS, most)
    return Bounds(
        head_s=settings.request_timeout_s,
        body_s=settings.request_timeout_s,
        answer_s=settings.request_timeout_s,
        idle_s=settings.keep_alive_s,
        discarded_s=min(DISCARDED_S, settings.request_timeout_s),
        connections=connections,
        connections_per_address=settings.max_connections_per_address
        or max(1, connections // SHARE_OF_ADDRESS),
    )


def raise_open_files() -> int:
    """Raises how many files this process may have open, where it may; returns how many."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, MOST_OPEN_FILES)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return MOST_OPEN_FILES if soft == resource.RLIM_INFINITY else soft
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    except (OSError, ValueError):  # macOS has a bound of its own
        return soft
    return wanted


def parse_address(address: str) -> Address | None:
    """Returns an address, IPv4 within IPv6 as IPv4; `None` for what is none."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return None
    return getattr(parsed, "ipv4_mapped", None) or parsed


def is_among(proxies: Collection[str]) -> Callable[[Address], bool]:
    """Returns what tells whether an address is of one of these networks."""
    networks = []
    for text in proxies:
        if text == "*":
            return lambda _: True
        with contextlib.suppress(ValueError):  # uvicorn takes names, too
            networks.append(ipaddress.ip_network(text, strict=False))
    return lambda address: any(address in network for network in networks)


def _matcher(proxies: Collection[str]) -> Callable[[str], bool]:
    """Tells of an address whether many stand behind it: a trusted proxy's, or this machine's."""
    is_named = is_among(proxies)

    def matches(address: str) -> bool:
        parsed = parse_address(address)
        return parsed is not None and (parsed.is_loopback or is_named(parsed))

    return matches
