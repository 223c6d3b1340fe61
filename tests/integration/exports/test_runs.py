"""Runs of an export into a folder and into a bucket: what is there stays, and each goes on."""

import hashlib
import json
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pyarrow.parquet as pq
import pytest
from litestar import Litestar

from clickhouse.client import Warehouse
from processors.exports.manifests import Manifest, read_manifest
from processors.exports.slices import Slice, slices_of
from processors.exports.targets import Bucket, Folder, S3Access, Target, TargetFailed
from processors.exports.writing import Run, SourceBusy, Told
from schemas.projects import ProjectContext
from sluice.exports import Asked, Server
from tests.integration.exports.bucket import ACCESS_KEY, SECRET_KEY, fake_s3
from tests.integration.exports.test_files import store_calls
from tests.integration.queries.conftest import store_traces
from tests.integration.queries.rows import make_trace

AFTERWARDS = datetime(2025, 7, 1, tzinfo=UTC)
ASKED = Asked(tables=["traces"], format="parquet", rows=4)


class Cut(httpx.ASGITransport):
    """The way to the server, which breaks some answers off."""

    def __init__(self, app: Litestar) -> None:
        super().__init__(app)  # type: ignore[arg-type]
        self.files = self.cut = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        answer = await super().handle_async_request(request)
        if not request.url.path.endswith("/export"):
            self.files += 1
        if not self.cut or request.url.path.endswith("/export"):
            return answer
        self.cut -= 1
        body = await answer.aread()

        async def half() -> AsyncIterator[bytes]:
            yield body[: len(body) // 2]
            raise httpx.RemoteProtocolError("peer closed connection")

        return httpx.Response(answer.status_code, headers=answer.headers, content=half())


class Killed(Exception):
    """In place of a signal: nothing is tidied up after it."""


class Watch:
    """Hears of a run, and kills it where that is wanted."""

    def __init__(self, kill_after: int | None = None) -> None:
        self.told: list[Told] = []
        self._left = kill_after

    async def __call__(self, told: Told) -> None:
        self.told.append(told)
        if self._left is not None and told.bytes:
            self._left -= 1
            if not self._left:
                raise Killed


@pytest.fixture
def way(app: Litestar) -> Cut:
    return Cut(app)


@pytest.fixture
async def server(way: Cut) -> AsyncIterator[Server]:
    async with httpx.AsyncClient(transport=way, base_url="http://test") as http:
        yield Server(http, "", ASKED)


def run_of(server: Server, target: Target, watch: Watch, now: datetime = AFTERWARDS) -> Run:
    return Run(
        source=server, target=target, format="parquet", clock=lambda: now, tell=watch, wait_s=0.0
    )


async def manifests(target: Target, slices: Any) -> list[Manifest]:
    found = [await read_manifest(target, one, "parquet") for one in slices]
    return [one for one in found if one is not None]


def files_in(root: Path) -> dict[str, bytes]:
    """Returns all files below a folder by their names in it."""
    return {
        str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()
    }


def times_in(root: Path) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in root.rglob("*.parquet")}


def ids_in(root: Path) -> list[str]:
    files = sorted(root.rglob("*.parquet"))
    return [one for file in files for one in pq.ParquetFile(file).read()["trace_id"].to_pylist()]


async def test_a_project_is_in_a_folder_for_each_day_of_receipt(
    server: Server, warehouse: Warehouse, project: ProjectContext, tmp_path: Path
) -> None:
    store_calls(warehouse, project, 25)
    total, watch = await server.total(), Watch()

    await run_of(server, Folder(tmp_path), watch).write(total.slices)

    assert (total.rows, len(total.slices)) == (25, 3)
    first = tmp_path / "traces" / "received_date=2025-06-01"
    assert sorted(path.name for path in first.iterdir()) == [
        "_manifest.parquet.json",
        *(f"part-{number:05}.parquet" for number in range(3)),
    ]
    noted = json.loads((first / "_manifest.parquet.json").read_text())
    assert [part["rows"] for part in noted["parts"]] == [4, 4, 2]
    assert noted["done"] is True
    for part in noted["parts"]:
        content = (first / part["name"]).read_bytes()
        assert part["bytes"] == len(content)
        assert part["sha256"] == hashlib.sha256(content).hexdigest()
    assert len(set(ids_in(tmp_path))) == len(ids_in(tmp_path)) == 25
    assert sum(told.rows for told in watch.told) == 25


async def test_a_run_that_was_killed_goes_on_where_it_was(
    server: Server, way: Cut, warehouse: Warehouse, project: ProjectContext, tmp_path: Path
) -> None:
    store_calls(warehouse, project, 25)
    target, slices = Folder(tmp_path), (await server.total()).slices
    with pytest.raises(Killed):
        await run_of(server, target, Watch(kill_after=5)).write(slices)
    before = times_in(tmp_path)
    way.files = 0

    watch = Watch()
    await run_of(server, target, watch).write(slices)
    asked = way.files
    await run_of(server, target, Watch()).write(slices)

    # The fifth file was there, and not noted: it is written once more.
    assert asked == 4
    assert way.files == asked
    assert len(before.items() & times_in(tmp_path).items()) == 4
    assert len(set(ids_in(tmp_path))) == len(ids_in(tmp_path)) == 25
    assert sum(told.rows for told in watch.told if told.was_there) == 14


async def test_an_answer_that_breaks_off_leaves_no_file_and_is_asked_for_again(
    server: Server, way: Cut, warehouse: Warehouse, project: ProjectContext, tmp_path: Path
) -> None:
    store_calls(warehouse, project, 3)
    slices = (await server.total()).slices
    way.cut = 100
    with pytest.raises(SourceBusy, match="peer closed"):
        await run_of(server, Folder(tmp_path), Watch()).write(slices)
    left = times_in(tmp_path)
    way.cut = 2

    await run_of(server, Folder(tmp_path), Watch()).write(slices)

    assert left == {}
    assert len(ids_in(tmp_path)) == 3
    assert not [name for name in files_in(tmp_path) if "/." in name]


async def test_a_day_that_is_not_over_is_written_anew(
    server: Server, warehouse: Warehouse, project: ProjectContext, tmp_path: Path
) -> None:
    store_calls(warehouse, project, 10)
    target, slices = Folder(tmp_path), (await server.total()).slices
    during = datetime(2025, 6, 1, 23, tzinfo=UTC)

    await run_of(server, target, Watch(), during).write(slices)
    [open_day] = await manifests(target, slices)
    store_calls(warehouse, project, 11, received_at_us=int(during.timestamp()) * 1_000_000)
    await run_of(server, target, Watch()).write(slices)

    assert (open_day.was_over, open_day.done, open_day.rows) == (False, False, 10)
    [closed] = await manifests(target, slices)
    assert (closed.was_over, closed.done, closed.rows) == (True, True, 11)
    assert len(ids_in(tmp_path)) == 11


async def test_rows_that_are_brought_into_a_day_that_was_done_are_written_too(
    server: Server, way: Cut, warehouse: Warehouse, project: ProjectContext, tmp_path: Path
) -> None:
    store_calls(warehouse, project, 25)
    target = Folder(tmp_path)
    await run_of(server, target, Watch()).write((await server.total()).slices)
    received_us = int(datetime(2025, 6, 2, 12, tzinfo=UTC).timestamp()) * 1_000_000
    imported = make_trace(project.project_id, uuid.uuid4().hex, received_at_us=received_us)
    store_traces(warehouse, [imported])
    way.files = 0

    for _ in range(2):
        await run_of(server, target, Watch()).write((await server.total()).slices)

    assert len(set(ids_in(tmp_path))) == len(ids_in(tmp_path)) == 26
    assert way.files == 3, "of the one day, once"


async def test_files_of_a_run_before_that_are_too_many_go(
    server: Server, warehouse: Warehouse, project: ProjectContext, tmp_path: Path
) -> None:
    store_calls(warehouse, project, 10)
    target, slices = Folder(tmp_path), (await server.total()).slices
    during = datetime(2025, 6, 1, 23, tzinfo=UTC)
    await run_of(server, target, Watch(), during).write(slices)
    where = {"project_id": project.project_id, "from": "00000002"}
    warehouse.command_now(
        "DELETE FROM traces WHERE project_id = {project_id:String} AND trace_id > {from:String}",
        where,
        {},
    )

    await run_of(server, target, Watch()).write(slices)

    assert len(ids_in(tmp_path)) == 2
    assert len(times_in(tmp_path)) == 1


async def test_a_bucket_gets_the_same_files_as_a_folder(
    server: Server, warehouse: Warehouse, project: ProjectContext, tmp_path: Path
) -> None:
    store_calls(warehouse, project, 25)
    slices = (await server.total()).slices
    await run_of(server, Folder(tmp_path), Watch()).write(slices)

    async with fake_s3() as store:
        bucket = Bucket("data", "of/shop", S3Access(store.url, "eu", ACCESS_KEY, SECRET_KEY))
        with pytest.raises(Killed):
            await run_of(server, bucket, Watch(kill_after=3)).write(slices)
        await run_of(server, bucket, Watch()).write(slices)

    of_folder = {f"data/of/shop/{name}": text for name, text in files_in(tmp_path).items()}
    assert store.objects == of_folder


async def test_a_large_file_goes_up_in_pieces_and_a_broken_one_is_nowhere() -> None:
    async def pieces(count: int, *, breaks: bool = False) -> AsyncIterator[bytes]:
        for number in range(count):
            yield bytes([number]) * (1 << 20)
        if breaks:
            raise SourceBusy("gone")

    async with fake_s3() as store:
        bucket = Bucket("data", "", S3Access(store.url, "eu", ACCESS_KEY, SECRET_KEY))
        written = await bucket.write("large", pieces(18))
        with pytest.raises(SourceBusy, match="gone"):
            await bucket.write("broken", pieces(18, breaks=True))
        read, missing = await bucket.read("large"), await bucket.read("broken")
        await bucket.remove("large")

    assert read is not None
    assert (written.size, written.sha256) == (18 << 20, hashlib.sha256(read).hexdigest())
    assert store.parts > 2
    assert missing is None
    assert store.objects == {}


async def test_a_bucket_that_refuses_says_so_without_a_secret() -> None:
    async with fake_s3() as store:
        bucket = Bucket("data", "", S3Access(store.url, "eu", "wrong", SECRET_KEY))
        with pytest.raises(TargetFailed) as failed:
            await bucket.read("a")

    assert SECRET_KEY not in str(failed.value)
    assert "AccessDenied" in str(failed.value) or "403" in str(failed.value)


def test_an_hour_has_a_folder_within_its_day() -> None:
    [*hours] = slices_of("logs", {"2026-01-01": 9}, "hour")

    assert len(hours) == 24
    assert hours[7].folder == "logs/received_date=2026-01-01/received_hour=07"
    assert hours[7].before - hours[7].first == timedelta(hours=1)
    assert not hours[7].is_over(hours[7].before + timedelta(minutes=14))
    assert isinstance(hours[7], Slice)
    assert hours[7].is_over(hours[7].before + timedelta(minutes=15))
