"""What calls asked, in a line each: read after the list that shows it, since bodies are long."""

import asyncio
from collections.abc import Sequence
from typing import NamedTuple

import msgspec
from litestar import Response, get
from msgspec import Raw

from api.auth import AnyRequest
from api.pages.llm.conversation import asked
from api.pages.llm.places import read_place, written
from api.pages.parts.messages import Message
from api.pages.parts.trees import decoded
from api.pages.render import page
from api.pages.viewer import Viewed
from api.parameters import invalid, values_of
from api.reads import reader_of
from clickhouse.client import Warehouse
from clickhouse.llm.prompts import WHOLE_BYTES, read_prompts
from clickhouse.llm.trace_lines import Place
from schemas.projects import ProjectContext

MOST = 60
SHOWN_CHARS = 200
OF = "of"


class Prompt(NamedTuple):
    """The last message of a call."""

    text: str
    kind: str = ""
    """What it is, where it is no text of a person."""


@get("/llm/asked", include_in_schema=False)
async def prompts_part(request: AnyRequest, viewer: Viewed) -> Response[str]:
    """Return the prompts of some calls, each for its place in the list."""
    places = _places(values_of(request).get(OF, ""))
    reader = reader_of(request, viewer.project)
    size = len(places) * WHOLE_BYTES
    async with (
        reader.turn() as store,
        reader.outgoing.taken(viewer.project.project_id, size) as share,
    ):
        prompts = await prompts_of(store, viewer.project, places)
        share.give_back()
    return await page(request, "llm/prompts.html", prompts=prompts)


async def prompts_of(
    store: Warehouse, project: ProjectContext, places: Sequence[Place]
) -> list[Prompt | None]:
    """Returns the prompts of calls, `None` where one is too long to be shown or not known."""
    bodies = await read_prompts(store, project, places)
    return await asyncio.to_thread(_read, [bodies.get(place.trace_id, b"") for place in places])


def address_value(places: Sequence[Place]) -> str | None:
    """Returns what asks for these calls, `None` for none."""
    return ",".join(map(written, places)) or None


def prompt_in(body: bytes) -> Prompt | None:
    """Reads the last message of a request."""
    messages = asked(decoded(Raw(body))) if body else []
    return _line(messages[-1]) if messages else None


def _read(bodies: Sequence[bytes]) -> list[Prompt | None]:
    return [prompt_in(body) for body in bodies]


def _line(message: Message) -> Prompt | None:
    texts = [part.text for part in message.parts if part.kind == "text"]
    if texts:
        # Agents put what they know of the machine, in tags, before what a person says.
        own = [text for text in texts if not text.lstrip().startswith("<")] or texts
        return Prompt(_short(" ".join(own)), "" if message.role == "user" else message.role)
    part = message.parts[-1]
    if part.kind in ("image", "link"):
        return Prompt("", "image")
    said = part.value if isinstance(part.value, str) else _json(part.value)
    return Prompt(_short(part.text or said), "tool result" if part.kind == "result" else part.kind)


def _short(text: str) -> str:
    line = " ".join(text[: SHOWN_CHARS * 4].split())
    return f"{line[:SHOWN_CHARS]}…" if len(line) > SHOWN_CHARS else line


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode(errors="replace")


def _places(text: str) -> list[Place]:
    pieces = text.split(",") if text else []
    if len(pieces) > MOST:
        raise invalid(OF, f"Expected at most {MOST} calls")
    return [read_place(piece, OF) for piece in pieces]
