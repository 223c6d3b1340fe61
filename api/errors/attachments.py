"""Files of events, to read: `GET attachments`, `GET attachments/{id}`.

A file is whatever its sender says. It is answered as a download that a browser neither shows nor
guesses at; a picture is shown alone by the route of the dashboard, after a look at its bytes.
"""

import re
from collections.abc import Callable
from typing import Annotated, Any
from urllib.parse import quote

from litestar import Request, get
from litestar.params import FromPath
from litestar.response import Response
from msgspec import Meta, Struct

from api.declared import takes
from api.outgoing import Streamed
from api.parameters import NothingFound, Project, read, values_of
from api.reads import Reader, reader_of
from api.rows import Held, one
from clickhouse.client import Warehouse
from clickhouse.errors.attachments import (
    AttachmentLine,
    StoredAttachment,
    attachments_of,
    get_attachment,
    list_attachments,
)
from clickhouse.errors.events import plain_id
from clickhouse.queries.parts import PART_BYTES
from schemas.described import describes
from schemas.errors.beside_answers import AttachmentAnswer, AttachmentList
from schemas.errors.pictures import picture_of
from schemas.times import iso_ms

MISSING = "Attachment not found"
CONTENT_TYPE, DISPOSITION = b"content-type", b"content-disposition"
SAFE = (
    (b"content-security-policy", b"default-src 'none'; sandbox; frame-ancestors 'none'"),
    (b"x-content-type-options", b"nosniff"),
)
UNSAFE = re.compile(r"[^\w .()+-]+")
MAX_NAME = 120
Headers = tuple[tuple[bytes, bytes], ...]


class AttachmentQuery(Struct, frozen=True, kw_only=True):
    """Of which event; without it, the newest of the project."""

    event_id: Annotated[str, Meta(max_length=64)] | None = None


@get("/attachments", opt={**takes(AttachmentQuery), **describes(answer=AttachmentList)})
async def get_attachments(request: Request[Any, Any, Any], project: Project) -> Response[bytes]:
    """Answers the files of an event, or the newest ones, at most 100, without their bytes."""
    event_id = read(values_of(request), AttachmentQuery).event_id

    async def ask(warehouse: Warehouse) -> AttachmentList:
        if event_id is None:
            lines = await list_attachments(warehouse, project)
        else:
            lines = await attachments_of(warehouse, project, [plain_id(event_id)])
        return AttachmentList([_answer(line) for line in lines])

    return await one(reader_of(request, project), ask)


@get("/attachments/{attachment_id:str}", opt=describes(answer=bytes))
async def download_attachment(
    request: Request[Any, Any, Any], project: Project, attachment_id: FromPath[str]
) -> Response[bytes]:
    """Answers the bytes of a file, as a download."""
    return await answer_file(reader_of(request, project), attachment_id, as_download)


async def answer_file(
    reader: Reader, attachment_id: str, headers_of: Callable[[StoredAttachment], Headers]
) -> Response[bytes]:
    """Answers the bytes of a file of the project. Raises `NothingFound`."""
    project_id = reader.project.project_id
    async with (
        reader.turn() as warehouse,
        reader.outgoing.taken(project_id, PART_BYTES) as share,
    ):
        found = await get_attachment(warehouse, reader.project, attachment_id)
        if found is None:
            raise NothingFound(MISSING)
        headers = (*SAFE, *headers_of(found))
        share.change(len(found.body))
    return Streamed(found.body, Held(share), b"", status_code=200, own_headers=headers)


def as_download(found: StoredAttachment) -> Headers:
    """Returns the headers of a file that no browser shows."""
    plain, written = names_of(found.line.name)
    disposition = f"attachment; filename=\"{plain}\"; filename*=UTF-8''{written}"
    return (CONTENT_TYPE, b"application/octet-stream"), (DISPOSITION, disposition.encode())


def as_picture(found: StoredAttachment) -> Headers:
    """Returns the headers of a picture. Raises `NothingFound` for what is none by its bytes."""
    picture = picture_of(found.body)
    if not picture:
        raise NothingFound("Not a picture")
    return (CONTENT_TYPE, f"image/{picture}".encode()), (DISPOSITION, b"inline")


def names_of(name: str) -> tuple[str, str]:
    """Returns the name of a file as headers may have it: in ASCII, and with every character."""
    last = re.split(r"[/\\]", name)[-1]
    safe = UNSAFE.sub("_", last).strip(". ")[:MAX_NAME] or "attachment"
    plain = safe.encode("ascii", "replace").decode().replace("?", "_")
    return plain, quote(safe, safe="")


def _answer(line: AttachmentLine) -> AttachmentAnswer:
    return AttachmentAnswer(
        id=line.attachment_id,
        event_id=line.event_id,
        name=line.name,
        content_type=line.content_type,
        type=line.type,
        picture=line.picture or None,
        size=line.size,
        sha256=line.sha256,
        received_at=iso_ms(line.received_at_us),
    )


HANDLERS = (get_attachments, download_attachment)
