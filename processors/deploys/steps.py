"""The step of the system `deploys`: lines of logs become rows."""

from collections.abc import Mapping, Sequence
from uuid import UUID

import msgspec

from clickhouse.deploys.tables import line_arrays
from processors.blocks import KindStep
from processors.columns import Columns, Rows, SentChunk, Unfit, row_by_row
from schemas.deploys.lines import MOST_MESSAGE_BYTES, Line, LineRow
from schemas.kinds import DEPLOY_LINE

_decode = msgspec.json.Decoder(Line).decode


def steps() -> Mapping[str, KindStep]:
    """Returns it by the name of its kind."""
    return {DEPLOY_LINE.name: KindStep(DEPLOY_LINE, build_lines)}


def build_lines(sent: Sequence[SentChunk]) -> Columns:
    """Turns lines into columns."""
    return row_by_row(sent, read_line, lambda columns: {"deploy_lines": Rows(line_arrays(columns))})


def read_line(body: bytes, line_id: str) -> LineRow:
    """Reads a line. Raises `Unfit`."""
    try:
        line = _decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Unfit(str(error)) from error
    if not _is_uuid(line.deployment_id):
        raise Unfit("deployment_id: not a UUID")
    if len(line.message.encode()) > MOST_MESSAGE_BYTES:
        raise Unfit(f"message: longer than {MOST_MESSAGE_BYTES} bytes")
    return LineRow(
        line_id, line.deployment_id, line.seq, line.at_us, line.level, line.stream, line.message
    )


def _is_uuid(text: str) -> bool:
    try:
        return str(UUID(text)) == text
    except ValueError:
        return False
