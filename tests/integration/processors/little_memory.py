"""A program that stores events while the system gives it no memory to encode them, for a while.

Prints what became of them as JSON. A process of its own, because the limit is one of the process.
"""

import asyncio
import json
import resource
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from eventlog.sqlite_log import SqliteLog
from tests.integration.processors.sinks import Store, Stream, append, dead_letters
from tests.integration.queries.rows import encode_traces, make_trace

BODY_BYTES = 64 << 20
FAILURES = 3


@contextmanager
def no_more_memory() -> Iterator[None]:
    """Leaves this process a little more than it has."""
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + (8 << 20), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (hard, hard))


class Starved(Store):
    """Builds real rows of traces, with no memory for it at the first tries."""

    def __init__(self) -> None:
        super().__init__()
        self.failures: list[str] = []

    def columns(self, texts: Sequence[str]) -> None:
        if len(self.failures) < FAILURES:
            body = "x" * BODY_BYTES
            events = [make_trace("p", text, request_body=body) for text in texts]
            try:
                with no_more_memory():
                    encode_traces(events)
            except BaseException as error:
                self.failures.append(type(error).__name__)
                raise


async def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        log, store = SqliteLog(Path(folder) / "log.db"), Starved()
        stream = Stream(log, store)
        await append(log, "a", "b", "c")
        await stream.feed()
        await stream.stop()
        found = {
            "failures": store.failures,
            "stored": store.texts(),
            "dead letters": len(dead_letters(log)),
            "outcomes": store.outcomes(),
        }
        log.close()
    # Logs go to the same place.
    sys.stdout.write(f"\n{json.dumps(found)}\n")


if __name__ == "__main__":
    asyncio.run(main())
