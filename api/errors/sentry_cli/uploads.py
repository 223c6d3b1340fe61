"""`/api/0/organizations/:org/chunk-upload/`: how pieces are sent, and the pieces themselves.

There is one organization: any name of it is taken.
"""

import asyncio
import hashlib
import time
import zlib
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import multipart
from litestar import Response, get, post
from litestar.params import FromPath
from litestar.status_codes import HTTP_200_OK
from msgspec import Struct

from api.auth import AnyRequest, services
from api.holders import holder_in
from controlplane.errors.source_maps.chunks import keep_chunks
from controlplane.failures import BadRequest, Unavailable
from schemas.described import describes
from schemas.errors.source_maps import PART_BYTES

CHUNK_BYTES = PART_BYTES
CHUNKS_PER_REQUEST = 8
MOST_REQUEST_BYTES = CHUNK_BYTES * CHUNKS_PER_REQUEST
OVERHEAD_BYTES = 64 << 10
"""Of a form around its pieces, and of gzip where it makes nothing smaller."""
MOST_BUNDLE_BYTES = 128 << 20
MOST_WAITING_BYTES = 2 * MOST_BUNDLE_BYTES
"""Of the pieces of one token that are not put together yet."""
AT_ONCE = 4
"""Requests with pieces that a process reads at a time: each takes 17 MiB at most."""
WAIT_S = 20.0
BODY_S = 60.0
RETRY_AFTER_S = 2
EXAMPLE = (
    '--piece\r\nContent-Disposition: form-data; name="file";'
    ' filename="aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d"\r\n\r\nhello\r\n--piece--\r\n'
)
HEX = frozenset("0123456789abcdef")


class UploadOptions(Struct, rename="camel"):
    """What `sentry-cli` goes by."""

    url: str
    chunk_size: int = CHUNK_BYTES
    chunks_per_request: int = CHUNKS_PER_REQUEST
    max_file_size: int = MOST_BUNDLE_BYTES
    max_request_size: int = MOST_REQUEST_BYTES
    concurrency: int = 2
    hash_algorithm: str = "sha1"
    compression: tuple[str, ...] = ("gzip",)
    accept: tuple[str, ...] = (
        "release_files",
        "sources",
        "artifact_bundles",
        "artifact_bundles_v2",
    )


class Taken(Struct):
    """The pieces are stored."""

    chunks: int


class Uploads:
    """What uploads may take of a process; one a process."""

    def __init__(self, most_project_bytes: int) -> None:
        self.most_project_bytes = most_project_bytes
        """Of the bundles of a project, as stored."""
        self._pieces = asyncio.Semaphore(AT_ONCE)
        self._assembling = asyncio.Semaphore(1)

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[None]:
        """Waits for a turn to read pieces. Raises `Unavailable` after some time."""
        async with _turn(self._pieces):
            yield

    @asynccontextmanager
    async def assembling(self) -> AsyncIterator[None]:
        """Waits for a turn to put a bundle together. Raises `Unavailable` after some time."""
        async with _turn(self._assembling):
            yield


@asynccontextmanager
async def _turn(semaphore: asyncio.Semaphore) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(WAIT_S):
            await semaphore.acquire()
    except TimeoutError as error:
        message = "Too many uploads are being read at this time: try again"
        raise Unavailable(message, retry_after_s=RETRY_AFTER_S) from error
    try:
        yield
    finally:
        semaphore.release()


def uploads_of(request: AnyRequest) -> Uploads:
    """Returns the process's uploads."""
    found: Uploads = request.app.state.uploads
    return found


@get(
    "/organizations/{org:str}/chunk-upload",
    opt=describes(answer=UploadOptions, asks="token"),
)
async def show_upload_options(request: AnyRequest, org: FromPath[str]) -> UploadOptions:
    """Answer how `sentry-cli` may send source maps. Needs a token of scope write."""
    await holder_in(request, needs="write")
    # Relative: sentry-cli puts it behind the address that it was given, proxies and all.
    return UploadOptions(f"/api/0/organizations/{org}/chunk-upload/")


@post(
    "/organizations/{org:str}/chunk-upload",
    status_code=HTTP_200_OK,
    request_max_body_size=MOST_REQUEST_BYTES + OVERHEAD_BYTES,
    opt=describes(
        body=str, example=EXAMPLE, answer=Taken, asks="token", sent_as="multipart/form-data"
    ),
)
async def take_chunks(request: AnyRequest, org: FromPath[str]) -> Response[Any]:
    """Keep pieces of an upload, each named by the SHA-1 of its bytes; repeats change nothing."""
    holder = await holder_in(request, needs="write")
    uploads = uploads_of(request)
    async with uploads.reading():
        try:
            async with asyncio.timeout(BODY_S):
                body = await request.body()
        except TimeoutError as error:
            raise BadRequest(f"The body took longer than {BODY_S:.0f} s") from error
        kind = request.headers.get("content-type", "")
        chunks = await asyncio.to_thread(chunks_in, body, kind)
        await keep_chunks(
            services(request).database,
            holder.token_id,
            chunks,
            now_us=time.time_ns() // 1000,
            most_bytes=MOST_WAITING_BYTES,
        )
    return Response({"chunks": len(chunks)})


def chunks_in(body: bytes, content_type: str) -> dict[str, bytes]:
    """Returns the pieces of a form by their SHA-1. Raises `BadRequest`."""
    _, options = multipart.parse_options_header(content_type)
    boundary = options.get("boundary", "")
    if not boundary and body.startswith(b"--"):
        # The form begins with it, whatever the header says.
        boundary = body[2:200].partition(b"\r\n")[0].decode("latin-1")
    if not boundary:
        raise BadRequest("Expected multipart/form-data: pieces as files named by their SHA-1")
    try:
        return dict(_chunks(body, boundary))
    except multipart.MultipartError as error:
        raise BadRequest(f"The form cannot be read: {error}") from error


def is_sha1(text: str) -> bool:
    """Tells whether a text is a SHA-1 in lower case."""
    return len(text) == 40 and HEX.issuperset(text)


def _chunks(body: bytes, boundary: str) -> Iterator[tuple[str, bytes]]:
    content, name, checksum = bytearray(), "", ""
    parser = multipart.PushMultipartParser(
        boundary,
        content_length=len(body),
        max_segment_size=CHUNK_BYTES + OVERHEAD_BYTES,
        max_segment_count=CHUNKS_PER_REQUEST,
    )
    with parser:
        for event in parser.parse(body):
            if isinstance(event, multipart.MultipartSegment):
                name, checksum, content = event.name, event.filename or "", bytearray()
            elif event:
                content += event
            else:
                yield checksum, _checked(name, checksum, bytes(content))


def _checked(name: str, checksum: str, content: bytes) -> bytes:
    if name not in ("file", "file_gzip") or not is_sha1(checksum):
        raise BadRequest(
            f"{name[:40]!r}: expected `file` or `file_gzip` with the SHA-1 as the name of the file"
        )
    if name == "file_gzip":
        inflating = zlib.decompressobj(31)
        try:
            content = inflating.decompress(content, CHUNK_BYTES + 1)
        except zlib.error as error:
            raise BadRequest(f"{checksum}: no gzip: {error}") from error
    if len(content) > CHUNK_BYTES:
        raise BadRequest(f"{checksum}: more than {CHUNK_BYTES} bytes")
    found = hashlib.sha1(content, usedforsecurity=False).hexdigest()
    if found != checksum:
        raise BadRequest(f"{checksum}: the bytes that came have the SHA-1 {found}; send them again")
    return content


HANDLERS = (show_upload_options, take_chunks)
