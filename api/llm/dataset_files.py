"""Files of items, as people have them: JSON lines, or CSV with a head. Pure.

JSON lines: one item a line, as the API takes it. CSV: the columns `input`, `expected_output`, `id`
and `metadata`, each JSON or else a text, and `trace_id`, `user_id` and `session_id`. Without a
column `input`, all others make up an object.
"""

import csv
import io
from collections.abc import Iterator
from typing import Any

import msgspec
from msgspec import Raw

from controlplane.failures import BadRequest
from controlplane.llm.dataset_forms import written
from schemas.llm.datasets import MOST_ITEM_BYTES, ItemForm

OWN = ("id", "expected_output", "metadata", "trace_id", "user_id", "session_id")
MOST_ITEMS = 10_000


def read_items(content: bytes, name: str = "") -> list[ItemForm]:
    """Return the items of a file, each as it may be; raises `BadRequest`, which names the line."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadRequest("The file is no UTF-8") from error
    is_csv = name.lower().endswith(".csv")
    found: list[ItemForm] = []
    for line, item in _of_csv(text) if is_csv else _of_lines(text):
        if len(found) == MOST_ITEMS:
            raise BadRequest(f"The file has more than {MOST_ITEMS} items")
        _check(item, line)
        found.append(item)
    return found


def _check(item: ItemForm, line: int) -> None:
    """Raises `BadRequest`: a file is sent in parts, and one that is wrong would come after some."""
    try:
        written(item)
    except BadRequest as error:
        raise BadRequest(f"Line {line}: {error.message.removeprefix('[0].')}") from error


def _of_lines(text: str) -> Iterator[tuple[int, ItemForm]]:
    decode = msgspec.json.Decoder(ItemForm).decode
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            item = decode(line)
        except (msgspec.DecodeError, RecursionError) as error:
            raise BadRequest(f"Line {number}: {error}") from error
        yield number, item


def _of_csv(text: str) -> Iterator[tuple[int, ItemForm]]:
    csv.field_size_limit(MOST_ITEM_BYTES)
    rows = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    try:
        for row in rows:
            yield rows.line_num, _item(row, rows.line_num)
    except csv.Error as error:
        raise BadRequest(f"Line {rows.line_num}: {error}") from error


def _item(row: dict[str | None, Any], line: int) -> ItemForm:
    if None in row or None in row.values():
        raise BadRequest(f"Line {line}: expected as many values as the first line has names")
    cells: dict[str, str] = {str(name).strip(): str(value) for name, value in row.items()}
    asked = cells.get("input")
    others = {name: _value(cell) for name, cell in cells.items() if name not in OWN}
    details = _value(cells["metadata"]) if cells.get("metadata") else {}
    if not isinstance(details, dict):
        raise BadRequest(f"Line {line}: metadata: expected a JSON object")
    expected = cells.get("expected_output", "")
    return ItemForm(
        id=cells.get("id", ""),
        input=Raw(msgspec.json.encode(others if asked is None else _value(asked))),
        expected_output=Raw(msgspec.json.encode(_value(expected)) if expected else b"null"),
        metadata=details,
        trace_id=cells.get("trace_id", ""),
        user_id=cells.get("user_id", ""),
        session_id=cells.get("session_id", ""),
    )


def _value(cell: str) -> Any:
    """Returns JSON that is an object, a list, true or false; anything else is a text."""
    if cell[:1] in ("{", "[") or cell in ("true", "false"):
        try:
            return msgspec.json.decode(cell)
        except (msgspec.DecodeError, RecursionError):
            return cell
    return cell
