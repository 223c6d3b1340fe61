"""Which ids a store may hold already: a Bloom filter that is never wrong about a new one.

Most events are new, and asking the store about each would cost more than storing it. The filter
says "new" for certain or "perhaps seen"; only the latter are looked up. Its memory is fixed, and
when it fills up it sends more ids to the store, never fewer: it costs time, never exactness.

There are two halves. One takes what comes; when it has done so for a whole window it becomes the
older one, and the older one is forgotten. So an id is known for one window at least, and a process
that lives for years is no slower than one of two windows.
"""

import threading
import time
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

PROBES = 6
ADDED_AT_ONCE = 1 << 14
"""While one thread adds these another waits: 4 ms."""
BITS_AN_ID = 10
"""At which 1 % of the answers about new ids are "perhaps seen"."""

Hashes = npt.NDArray[np.uint64]


class SeenFilter:
    """The hashes of the last window, of 64 bits, in `2 ** log2_bits` bits of memory."""

    def __init__(
        self, log2_bits: int, window_s: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._log2_bits = log2_bits - 1
        self.window_s = window_s
        self._clock = clock
        # Hashes come from a thread that warms and from the loop: at the end of a window both would
        # begin a new half, and the last window would be forgotten.
        self._lock = threading.Lock()
        self.clear()

    @property
    def added(self) -> int:
        """How many hashes were added and are not forgotten."""
        return self._young.added + self._old.added

    @property
    def fill(self) -> float:
        """How full the fuller half is: at 1, 1 % of new ids are looked up for nothing."""
        return max(self._young.fill, self._old.fill)

    def clear(self) -> None:
        """Forgets everything."""
        with self._lock:
            self._young, self._old = _Half(self._log2_bits), _Half(self._log2_bits)
            self._began_s = self._clock()

    def add(self, hashes: Hashes) -> None:
        """Puts hashes into the set."""
        for first in range(0, len(hashes), ADDED_AT_ONCE):
            with self._lock:
                if self._clock() - self._began_s >= self.window_s:
                    # In this order: a reader in between finds the younger half in one of the two.
                    self._old = self._young
                    self._young = _Half(self._log2_bits)
                    self._began_s = self._clock()
                self._young.add(hashes[first : first + ADDED_AT_ONCE])

    def may_contain(self, hashes: Hashes) -> npt.NDArray[np.bool_]:
        """Tells for each hash whether it may be in the set; `False` is certain."""
        return self._young.may_contain(hashes) | self._old.may_contain(hashes)


class _Half:
    def __init__(self, log2_bits: int) -> None:
        # Untouched pages of zeros take no memory: an idle installation pays nothing.
        self._words = np.zeros(1 << (log2_bits - 3), dtype=np.uint8)
        self._mask = np.uint64((1 << log2_bits) - 1)
        self.added = 0

    @property
    def fill(self) -> float:
        return self.added * BITS_AN_ID / (len(self._words) * 8)

    def add(self, hashes: Hashes) -> None:
        for positions in self._positions(hashes):
            np.bitwise_or.at(self._words, positions >> np.uint64(3), _bits(positions))
        self.added += len(hashes)

    def may_contain(self, hashes: Hashes) -> npt.NDArray[np.bool_]:
        result = np.ones(len(hashes), dtype=np.bool_)
        for positions in self._positions(hashes):
            result &= (self._words[positions >> np.uint64(3)] & _bits(positions)) != 0
        return result

    def _positions(self, hashes: Hashes) -> list[Hashes]:
        # Double hashing (Kirsch and Mitzenmacher 2006): two halves make as many probes as needed.
        step = (hashes >> np.uint64(32)) | np.uint64(1)
        return [(hashes + np.uint64(i) * step) & self._mask for i in range(PROBES)]


def _bits(positions: Hashes) -> npt.NDArray[np.uint8]:
    return np.left_shift(np.uint8(1), (positions & np.uint64(7)).astype(np.uint8))
