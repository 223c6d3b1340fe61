"""How many bytes of events the stream has in hand at one time, over all partitions of a topic.

An event in hand takes some ten times its bytes: its text, its row, its column, and what the engine
makes of them. So that is bounded as a whole; what waits for its turn stays as it is in the log.
"""

import asyncio


class Budget:
    """Bytes that blocks take while they are worked out and written; first come, first served."""

    def __init__(self, max_bytes: int) -> None:
        self._whole = self._free = max_bytes
        self._turn = asyncio.Lock()
        self._returned = asyncio.Event()

    def used(self) -> int:
        """Returns how many bytes are taken."""
        return self._whole - self._free

    async def take(self, size: int) -> int:
        """Waits until so many bytes are free and takes them; returns what to give back.

        Who asks for more than there are at all gets all of them, and is alone.
        """
        size = min(size, self._whole)
        async with self._turn:
            while self._free < size:
                self._returned.clear()
                await self._returned.wait()
            self._free -= size
        return size

    def give_back(self, size: int) -> None:
        """Frees bytes again."""
        self._free += size
        self._returned.set()
