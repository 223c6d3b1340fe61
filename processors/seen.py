"""Which ids a store may hold already: a Bloom filter that is never wrong about a new one.

Most events are new, and asking the store about each would cost more than storing it. The filter
says "new" for certain or "perhaps seen"; only the latter are looked up. Its memory is fixed, and
when it fills up it sends more ids to the store, never fewer: it costs time, never exactness.
"""

import numpy as np
import numpy.typing as npt

PROBES = 6

Hashes = npt.NDArray[np.uint64]


class SeenFilter:
    """A set of 64-bit hashes in `2 ** log2_bits` bits; 1 % false hits at 10 bits an id."""

    def __init__(self, log2_bits: int) -> None:
        # Untouched pages of zeros take no memory: an idle installation pays nothing.
        self._words = np.zeros(1 << (log2_bits - 3), dtype=np.uint8)
        self._mask = np.uint64((1 << log2_bits) - 1)
        self.added = 0

    @property
    def capacity(self) -> int:
        """How many ids fit at about 1 % false hits."""
        return len(self._words) * 8 // 10

    def clear(self) -> None:
        """Forgets everything."""
        self._words = np.zeros(len(self._words), dtype=np.uint8)
        self.added = 0

    def add(self, hashes: Hashes) -> None:
        """Puts hashes into the set."""
        for positions in self._positions(hashes):
            np.bitwise_or.at(self._words, positions >> np.uint64(3), _bits(positions))
        self.added += len(hashes)

    def may_contain(self, hashes: Hashes) -> npt.NDArray[np.bool_]:
        """Tells for each hash whether it may be in the set; `False` is certain."""
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
