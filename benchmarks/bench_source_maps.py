"""What a mapped event costs: `python -m benchmarks.bench_source_maps`.

Processor time of an event of `@sentry/node` with four minified frames, through the step of errors:
without source maps in the project, with the map in memory, and with a map that has to be opened.
The map is that of a bundle of some megabytes.
"""

import asyncio
import json
import random
import tempfile
import time
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from uuid import uuid4

from msgspec import Raw

from controlplane.accounts import SignUp, sign_up
from controlplane.crypto import Vault
from controlplane.database import Database
from controlplane.errors.source_maps.bundles import (
    Draft,
    NewFile,
    add_files,
    begin_bundle,
    finish_bundle,
)
from controlplane.projects import list_projects
from processors.blocks import KindStep
from processors.columns import SentChunk
from processors.errors.grouping.groups import group_of
from processors.errors.masking.mask import mask
from processors.errors.source_maps.mapping import SourceMaps
from processors.errors.steps import Meaning, steps
from schemas.errors.grouping import DEFAULT_CONFIG
from schemas.errors.sent import Head, SentItem, encode_sent
from schemas.errors.source_maps import FileFacts, FileKind, packed
from schemas.kinds import ERROR
from schemas.projects import ProjectId

DEBUG_ID = str(uuid4())
LINES, SEGMENTS = 400, 120
EVENTS, COLD = 2_000, 10
DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"


def digits(number: int) -> str:
    """Writes a number as source maps do: base 64, variable length."""
    number = abs(number) << 1 | (number < 0)
    text = ""
    while True:
        number, low = number >> 5, number & 31
        text += DIGITS[low | (32 if number else 0)]
        if not number:
            return text


def made(chance: random.Random) -> tuple[bytes, bytes]:
    """Returns a script and its map, of several megabytes together."""
    script, groups = [], []
    for _ in range(LINES):
        places = [f"{digits(40)}AA{digits(chance.randint(-3, 5))}" for _ in range(SEGMENTS)]
        groups.append(",".join(places))
        script.append("var a=0;" * (SEGMENTS * 5))
    source = "\n".join(f"const value{n} = compute({n});" for n in range(60_000))
    given = {"version": 3, "sources": ["src/shop.ts"], "names": [], "sourcesContent": [source]}
    source_map = json.dumps({**given, "mappings": ";".join(groups)}).encode()
    return "\n".join(script).encode(), source_map


def event(number: int) -> bytes:
    """Returns an event as the log has it."""
    frames = [
        {
            "filename": "/srv/app.js",
            "function": "t",
            "lineno": 1 + (number * 7 + at) % 40,
            "colno": 41,
            "in_app": True,
            "pre_context": ["var a=0; {snip}"],
            "context_line": "var a=0; {snip}",
        }
        for at in range(4)
    ]
    image = {"type": "sourcemap", "code_file": "/srv/app.js", "debug_id": DEBUG_ID}
    thrown = {"type": "Error", "value": "no price", "stacktrace": {"frames": frames}}
    item = {
        "platform": "node",
        "exception": {"values": [thrown]},
        "debug_meta": {"images": [image]},
        "contexts": {"runtime": {"name": "node", "version": "v20"}},
    }
    return encode_sent(SentItem("sentry", Head(), Raw(json.dumps(item).encode())))


async def upload(database: Database, project: ProjectId, files: tuple[bytes, bytes]) -> None:
    """Stores a script and its map."""
    begun = await begin_bundle(database, project, Draft("0" * 40), now_us=time.time_ns() // 1000)
    kinds: tuple[tuple[FileKind, str], ...] = (("minified", "~/app.js"), ("map", "~/app.js.map"))
    new = [
        NewFile(FileFacts(kind, DEBUG_ID, url, "", len(content)), packed(content))
        for (kind, url), content in zip(kinds, files, strict=True)
    ]
    await add_files(database, project, begun.bundle_id, new)
    await finish_bundle(database, project, begun.bundle_id, most_bytes=1 << 40)


async def measured(work: Callable[[], Awaitable[object]], events: int) -> float:
    """Returns the processor time of an event in microseconds."""
    before = time.process_time()
    await work()
    return (time.process_time() - before) / events * 1e6


async def build(step: KindStep, project: ProjectId, events: int) -> None:
    """Does what the stream does of a block."""
    bodies = [event(number) for number in range(events)]
    sent = [SentChunk(project, time.time_ns() // 1000, bodies, [uuid4().hex for _ in bodies])]
    ready = step.prepare(sent)
    (step.build if ready is None else await ready)(sent)


async def run(folder: Path) -> None:
    """Prints what an event costs."""
    database = Database(f"sqlite:///{folder / 'control.db'}")
    await database.migrate()
    form = SignUp("Ann", "ann@example.com", "password1", "Shop")
    account = await sign_up(database, Vault("a secret of 32 characters, or more"), form)
    (project, *_) = await list_projects(database, account.user_id)
    own = project.project_id
    files = made(random.Random(7))
    print(f"script {len(files[0]) / 1e6:.1f} MB, map {len(files[1]) / 1e6:.1f} MB")

    meaning = Meaning(mask, partial(group_of, config=DEFAULT_CONFIG))

    def step_of(maps: SourceMaps | None) -> KindStep:
        return steps(lambda: lambda _: meaning, mapper=maps)[ERROR.name]

    without = step_of(None)
    await build(without, own, 100)
    print(f"no map:  {await measured(lambda: build(without, own, EVENTS), EVENTS):8.0f} us")
    await upload(database, own, files)
    maps = SourceMaps(database)
    await maps.refresh()
    warm = step_of(maps)
    print(f"opening: {await measured(lambda: build(warm, own, 1), 1):8.0f} us, once")
    print(f"warm:    {await measured(lambda: build(warm, own, EVENTS), EVENTS):8.0f} us")

    async def each_anew() -> None:
        for _ in range(COLD):
            fresh = SourceMaps(database)
            await fresh.refresh()
            await build(step_of(fresh), own, 1)

    print(f"cold:    {await measured(each_anew, COLD):8.0f} us")
    await database.close()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        asyncio.run(run(Path(name)))
