"""Bodies of calls that OpenTelemetry told, put together from their messages.

Such a row has the hashes of its messages, and as `request_body` the parameters of the call alone.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple

from msgspec import DecodeError, Raw, json

from clickhouse.client import Warehouse
from clickhouse.message_shapes import (
    TOOLS_ROLE,
    offered_tools,
    shown_messages,
    text_of,
    with_messages,
)
from clickhouse.messages import Measured, OfDay, measure_messages, read_messages
from schemas.llm.answers import TraceAnswer
from schemas.projects import ProjectContext


class Told(NamedTuple):
    """A row, the day on which it came in, the hashes of its messages, and when the call began."""

    answer: TraceAnswer
    day: date
    asked: Sequence[str]
    answered: Sequence[str]
    at_us: int


class Chosen(NamedTuple):
    """The last messages that fit, and how many there are before them."""

    hashes: Sequence[str]
    left_out: int
    size: int


async def put_messages(
    warehouse: Warehouse,
    project: ProjectContext,
    rows: Sequence[Told],
    *,
    most_bytes: int | None,
) -> None:
    """Gives rows their bodies, in place; those without messages stay what they are.

    Of all rows together `most_bytes` at most, each with the same share: the last messages that fit
    it. `None` is everything.
    """
    told = [row for row in rows if row.asked or row.answered]
    if not told:
        return
    sizes: Mapping[str, Measured] = {}
    if most_bytes is not None:
        every = {OfDay(row.day, one) for row in told for one in (*row.asked, *row.answered)}
        sizes = await measure_messages(warehouse, project, every, most_bytes=most_bytes)
    share = None if most_bytes is None else most_bytes // len(rows)
    chosen = [_choose(row, sizes, share) for row in told]
    bodies = {key: one.body for key, one in sizes.items() if one.body is not None}
    wanted = {
        OfDay(row.day, one)
        for row, pair in zip(told, chosen, strict=True)
        for part in pair
        for one in part.hashes
        if one not in bodies
    }
    bodies |= await read_messages(warehouse, project, wanted)
    for row, (asked, answered) in zip(told, chosen, strict=True):
        _fill(row.answer, asked, answered, bodies)


def _choose(row: Told, sizes: Mapping[str, Measured], share: int | None) -> tuple[Chosen, Chosen]:
    answered = _last(row.answered, sizes, share)
    rest = None if share is None else share - answered.size
    return _last(row.asked, sizes, rest), answered


def _last(hashes: Sequence[str], sizes: Mapping[str, Measured], most: int | None) -> Chosen:
    if most is None:
        return Chosen(hashes, 0, 0)
    size, first = 0, len(hashes)
    for one in reversed(hashes):
        held = sizes[one].size if one in sizes else 0
        if size + held > most:
            break
        size, first = size + held, first - 1
    before = (sizes.get(one) for one in hashes[:first])
    left_out = sum(one is None or one.role != TOOLS_ROLE for one in before)
    return Chosen(hashes[first:], left_out, size)


def _fill(
    answer: TraceAnswer, asked: Chosen, answered: Chosen, bodies: Mapping[str, bytes]
) -> None:
    known: dict[str, Any] = {"model": answer.model_requested} | _parameters(answer.request_body)
    tools = offered_tools(asked.hashes, bodies)
    if tools is not None:
        known["tools"] = tools
    messages = shown_messages(asked.hashes, bodies)
    if said := with_messages(known, messages, asked.left_out):
        answer.request_body = said
    known = {"model": answer.model_used} if answer.model_used else {}
    messages = shown_messages(answered.hashes, bodies)
    answer.response_body = with_messages(known, messages, answered.left_out)
    answer.output_text = text_of(answered.hashes, bodies)


def _parameters(stored: Raw | None) -> dict[str, Any]:
    try:
        found = json.decode(stored) if stored is not None else {}
    except DecodeError:
        return {}
    return found if isinstance(found, dict) else {}
