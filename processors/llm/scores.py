"""One score from the wire to its row: decode, say what it is worth, which version it is."""

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import Raw
from msgspec.structs import astuple

from clickhouse.llm.score_tables import TEXTS, score_arrays
from processors.columns import Columns, Rows, SentChunk, Unfit, row_by_row
from schemas.ids import canonical_id
from schemas.issues import RuleBroken
from schemas.llm.score_rows import ScoreRow
from schemas.llm.scores import ScoreItem, worth_of
from schemas.llm.targets import target_of
from schemas.llm.wire import ABSENT
from schemas.times import parse_timestamp_us

NULL = b"null"
_decode = msgspec.json.Decoder(ScoreItem).decode


def build_scores(sent: Sequence[SentChunk]) -> Columns:
    """Turns scores into columns."""
    arrivals = iter([one.received_at_us for one in sent for _ in one.bodies])

    def row_of(body: bytes, item_id: str) -> tuple[Any, ...]:
        return astuple(read_score(body, item_id, next(arrivals)))

    return row_by_row(sent, row_of, lambda columns: {"scores": Rows(score_arrays(columns))})


def read_score(body: bytes, item_id: str, received_at_us: int) -> ScoreRow:
    """Reads a score, or that one is taken away. Raises `Unfit`."""
    try:
        item = _decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise Unfit(f"not a score: {error}") from error
    try:
        return _row(item, item_id, received_at_us)
    except RuleBroken as error:
        raise Unfit(f"{'.'.join(map(str, error.path))}: {error}") from error
    except ValueError as error:
        raise Unfit(f"timestamp or updated_at: {error}") from error


def _row(item: ScoreItem, item_id: str, received_at_us: int) -> ScoreRow:
    updated_us = received_at_us
    if item.updated_at is not None:
        # No clock ahead of ours: what is sent later could not change the score any more.
        updated_us = min(parse_timestamp_us(item.updated_at), received_at_us)
    at_us = received_at_us if item.timestamp is None else parse_timestamp_us(item.timestamp)
    # Where the sender named none, the edge has: before the sending, in the item's id.
    score_id = item.id or item_id.rpartition(":")[0] or item_id
    if item.deleted:
        return _taken_away(item_id, score_id, at_us, updated_us)
    if item.name is None or item.value is None:
        raise RuleBroken("Required", "name" if item.name is None else "value")
    worth = worth_of(item.value, item.data_type)
    trace_id, span_id = target_of(item.trace_id or "", item.span_id or "")
    return ScoreRow(
        item_id,
        score_id,
        at_us,
        updated_us,
        False,
        item.name,
        worth.data_type,
        worth.value,
        worth.text,
        item.source or "api",
        item.author or "",
        item.environment or "",
        trace_id,
        span_id,
        canonical_id(item.session_id or ""),
        item.user_id or "",
        item.comment or "",
        _json(item.metadata),
    )


def _taken_away(item_id: str, score_id: str, at_us: int, updated_us: int) -> ScoreRow:
    nothing = dict.fromkeys(TEXTS, "")
    return ScoreRow(
        item_id=item_id,
        timestamp_us=at_us,
        version_us=updated_us,
        deleted=True,
        value=None,
        metadata=b"",
        **nothing | {"score_id": score_id},
    )


def _json(value: Raw) -> bytes:
    found = b"" if value is ABSENT else bytes(value)
    return b"" if found == NULL else found
