"""`/api/0/organizations/:org/artifactbundle/assemble/`: pieces become a bundle of source maps.

A bundle is read while its sender waits: the answer says whether it is stored, and if not, why.
"""

import asyncio
import hashlib
import tempfile
import time
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import IO

import structlog
from litestar import post
from litestar.params import FromPath
from litestar.status_codes import HTTP_200_OK
from msgspec import Struct

from api.account_forms import read_form
from api.auth import AnyRequest, services
from api.errors.sentry_cli.bundle_file import BadBundle, Entry, entries_of, open_archive
from api.errors.sentry_cli.reach import projects_named
from api.errors.sentry_cli.uploads import (
    CHUNK_BYTES,
    MOST_BUNDLE_BYTES,
    Uploads,
    is_sha1,
    uploads_of,
)
from api.holders import holder_in
from controlplane.database import Database
from controlplane.errors.source_maps.bundles import (
    Draft,
    NewFile,
    add_files,
    begin_bundle,
    drop_bundle,
    fail_bundle,
    finish_bundle,
    read_state,
)
from controlplane.errors.source_maps.chunks import forget_chunks, missing_chunks, read_chunk
from controlplane.failures import BadRequest
from schemas.described import describes
from schemas.errors.source_maps import (
    MAX_DIST_CHARS,
    MAX_PROBLEM_CHARS,
    MAX_RELEASE_CHARS,
    packed,
)
from schemas.projects import ProjectId

MOST_CHUNKS = MOST_BUNDLE_BYTES // CHUNK_BYTES
IN_MEMORY_BYTES = 8 << 20
"""Of a bundle that is being put together; beyond, it lies in a file without a name."""
FILES_AT_ONCE = 50
BYTES_AT_ONCE = 4 << 20
"""Compressed, in one transaction: nobody else writes to SQLite meanwhile."""

log = structlog.get_logger(__name__)


class AssembleForm(Struct):
    """What to put together."""

    checksum: str = ""
    chunks: list[str] = []
    projects: list[str] = []
    version: str | None = None
    dist: str | None = None


class Assembled(Struct, rename="camel"):
    """How far it is: `not_found`, `assembling`, `ok` or `error`."""

    state: str
    missing_chunks: list[str] = []
    detail: str | None = None


class Parcel(Struct, frozen=True):
    """Pieces that are one bundle, and whose they are."""

    owner: str
    draft: Draft
    chunks: tuple[str, ...]


@post(
    "/organizations/{org:str}/artifactbundle/assemble",
    status_code=HTTP_200_OK,
    opt=describes(
        body=AssembleForm,
        example={"checksum": "7e75eebd2833f8ea8005cee9cf70925ece886d9e", "projects": ["1"]},
        answer=Assembled,
        asks="token",
    ),
)
async def assemble_bundle(request: AnyRequest, org: FromPath[str]) -> Assembled:
    """Put pieces together to a bundle of source maps, or say which are missing."""
    holder = await holder_in(request, needs="write")
    form = await read_form(request, AssembleForm, otherwise="checksum, chunks: expected SHA-1s")
    parcel = Parcel(holder.token_id, draft_of(form), tuple(form.chunks))
    projects = await projects_named(request, holder, form.projects)
    ids = [one.access.project.project_id for one in projects]
    database, uploads = services(request).database, uploads_of(request)
    states = [await read_state(database, one, parcel.draft) for one in ids]
    if all(one is not None and one.state == "ok" for one in states):
        return Assembled("ok")
    if any(one is not None and one.state == "reading" for one in states):
        return Assembled("assembling")
    missing = await missing_chunks(database, parcel.owner, parcel.chunks)
    if missing or not parcel.chunks:
        return Assembled("not_found", missing)
    async with uploads.assembling():
        answers = [await take_bundle(database, uploads, one, parcel) for one in ids]
    worst = next((one for one in answers if one.state != "ok"), answers[0])
    if worst.state != "not_found":
        await forget_chunks(database, parcel.owner, parcel.chunks)
    return worst


def draft_of(form: AssembleForm) -> Draft:
    """Returns what a form names, checked. Raises `BadRequest`."""
    if not is_sha1(form.checksum) or not all(map(is_sha1, form.chunks)):
        raise BadRequest("checksum, chunks: expected SHA-1s, 40 hex digits in lower case")
    if len(form.chunks) > MOST_CHUNKS:
        raise BadRequest(
            f"chunks: a bundle has {MOST_BUNDLE_BYTES >> 20} MiB at most; upload folder by folder"
        )
    release, dist = form.version or "", form.dist or ""
    for name, text, most in (
        ("version", release, MAX_RELEASE_CHARS),
        ("dist", dist, MAX_DIST_CHARS),
    ):
        if len(text) > most or "\0" in text:
            raise BadRequest(f"{name}: expected a text of at most {most} characters")
    return Draft(form.checksum, release, dist)


async def take_bundle(
    database: Database, uploads: Uploads, project_id: ProjectId, parcel: Parcel
) -> Assembled:
    """Store a bundle for one project. Nobody finds a file of it before all are there."""
    now_us = time.time_ns() // 1000
    begun = await begin_bundle(database, project_id, parcel.draft, now_us=now_us)
    if begun.state != "begun":
        return Assembled("ok" if begun.state == "ok" else "assembling")
    bundle_id, most = begun.bundle_id, uploads.most_project_bytes
    try:
        with tempfile.SpooledTemporaryFile(IN_MEMORY_BYTES) as file:
            missing = await _put_together(database, parcel, file)
            if not missing:
                await _store(database, project_id, bundle_id, (file, parcel.draft, most))
    except BadBundle as error:
        detail = str(error)[:MAX_PROBLEM_CHARS]
        await fail_bundle(database, project_id, bundle_id, detail)
        log.info("bundle not taken", project_id=project_id, reason=detail)
        return Assembled("error", detail=detail)
    except BaseException:
        await asyncio.shield(drop_bundle(database, project_id, bundle_id))
        raise
    if missing:
        await drop_bundle(database, project_id, bundle_id)
        return Assembled("not_found", missing)
    gone = await finish_bundle(database, project_id, bundle_id, most_bytes=most)
    log.info("bundle stored", project_id=project_id, bundle_id=bundle_id, removed=gone[:20])
    return Assembled("ok")


async def _put_together(database: Database, parcel: Parcel, file: IO[bytes]) -> list[str]:
    """Write the pieces one behind the other; returns those that are gone."""
    checksum = hashlib.sha1(usedforsecurity=False)
    for one in parcel.chunks:
        content = await read_chunk(database, parcel.owner, one)
        if content is None:
            return [one]
        checksum.update(content)
        await asyncio.to_thread(file.write, content)
    if checksum.hexdigest() != parcel.draft.checksum:
        raise BadBundle("the pieces do not make what the checksum names: upload it again")
    return []


async def _store(
    database: Database,
    project_id: ProjectId,
    bundle_id: str,
    given: tuple[IO[bytes], Draft, int],
) -> None:
    file, draft, most = given
    archive = await asyncio.to_thread(open_archive, file)
    entries = entries_of(archive, has_release=bool(draft.release))
    stored = 0
    while files := await asyncio.to_thread(_next_files, entries):
        stored += sum(len(one.content) for one in files)
        if stored > most:
            raise BadBundle(
                f"more than the {most} bytes that SLUICE_SOURCE_MAPS_MAX_BYTES allows a project"
            )
        await add_files(database, project_id, bundle_id, files)


def _next_files(entries: Iterator[Entry]) -> Sequence[NewFile]:
    """Reads and compresses the next files, so many as go into one transaction."""
    found: list[NewFile] = []
    size = 0
    for entry in islice(entries, FILES_AT_ONCE):
        content = packed(entry.content)
        found.append(NewFile(entry.facts, content))
        size += len(content)
        if size >= BYTES_AT_ONCE:
            break
    return found


HANDLERS = (assemble_bundle,)
