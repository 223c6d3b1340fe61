"""How many connections, and bytes of bodies, each process has, in memory that all of them share.

Each writes rows of its own: of all, and of those of an address or a project by a bucket of its
hash, which has a secret key. Nobody waits for anybody.
"""

import mmap
import os
import secrets
from hashlib import blake2b
from typing import Final

KEY_BYTES: Final = 16
"""At the beginning of the memory."""
BUCKETS: Final = 4096
"""Each address or project is in two, and the smaller sum counts: so few are counted for others."""
CELL_BYTES: Final = 8
WIDTH: Final = 1 + BUCKETS
OWNERS_ROW: Final = 0
AHEAD: Final = 4
"""By how many connections more than another an edge has clearly more."""


class SharedTally:
    """All rows, in the memory behind a file."""

    def __init__(self, file: int) -> None:
        self.file = file
        self._memory = mmap.mmap(file, 0)
        self._key = self._memory[:KEY_BYTES]
        cells = memoryview(self._memory)[KEY_BYTES:].cast("Q")
        self._connections, self._bodies = cells[: len(cells) // 2], cells[len(cells) // 2 :]

    @classmethod
    def of(cls, processes: int) -> "SharedTally":
        """Returns a new one, for so many."""
        file = os.memfd_create("sluice-connections")
        os.ftruncate(file, KEY_BYTES + 2 * processes * WIDTH * CELL_BYTES)
        os.pwrite(file, secrets.token_bytes(KEY_BYTES), 0)
        return cls(file)

    def connections(self, number: int) -> "Row":
        """Returns what a process counts its connections in, empty."""
        return Row(self._connections, number, self._key)

    def bodies(self, number: int) -> "Row":
        """Returns what a process counts the bytes of its bodies in, empty."""
        return Row(self._bodies, number, self._key)

    def clear(self, number: int) -> None:
        """Forgets what a process had that is gone."""
        self.connections(number)
        self.bodies(number)


class Row:
    """One process's part, and what it sees of the others."""

    def __init__(self, cells: "memoryview[int]", number: int, key: bytes) -> None:
        self.processes = len(cells) // WIDTH
        self._cells = cells
        self._begin = number * WIDTH
        self._key = key
        for cell in range(self._begin, self._begin + WIDTH):
            cells[cell] = 0

    def note(self, key: str | None, change: int) -> None:
        """Counts those of an address or a project, `None` where it is not counted by itself."""
        self._cells[self._begin] += change
        for column in () if key is None else self._buckets(key):
            self._cells[self._begin + column] += change

    def elsewhere(self, key: str | None) -> int:
        """Returns how many other processes have: of one, or with `None` of all."""
        columns = (0,) if key is None else self._buckets(key)
        return min(map(self._of_others, columns))

    def is_ahead(self) -> bool:
        """Tells whether another edge has clearly fewer; row 0 is no edge's."""
        own = self._cells[self._begin]
        rows = range(WIDTH, self.processes * WIDTH, WIDTH)
        return any(own > self._cells[row] + AHEAD for row in rows)

    def _of_others(self, column: int) -> int:
        cells = self._cells
        whole = sum(cells[row * WIDTH + column] for row in range(self.processes))
        return whole - cells[self._begin + column]

    def _buckets(self, key: str) -> tuple[int, int]:
        digest = blake2b(key.encode(), key=self._key, digest_size=8).digest()
        first, step = int.from_bytes(digest[:4]), int.from_bytes(digest[4:])
        return 1 + first % BUCKETS, 1 + (first + 1 + step % (BUCKETS - 1)) % BUCKETS
