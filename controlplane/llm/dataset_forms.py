"""What may be said of a dataset, its items and its runs. Pure."""

import uuid
from typing import Any, NamedTuple

import msgspec
from msgspec import Raw

from controlplane.failures import BadRequest
from schemas.ids import canonical_id
from schemas.llm.datasets import (
    DATASET_NAME,
    ITEM_ID,
    MOST_DESCRIPTION_CHARS,
    MOST_ITEM_BYTES,
    MOST_METADATA_BYTES,
    MOST_RUN_CHARS,
    DatasetForm,
    ItemForm,
    RunForm,
)
from schemas.persons import MAX_PERSON_CHARS

MOST_CHARS = {"trace_id": 200, "user_id": MAX_PERSON_CHARS, "session_id": 200}


class Written(NamedTuple):
    """An item as it is kept: its JSON as texts without blanks."""

    item_id: str
    input: str
    expected: str
    details: str
    archived: bool
    trace_id: str
    user_id: str
    session_id: str

    @property
    def size(self) -> int:
        """Bytes of its texts."""
        return sum(len(one.encode()) for one in (self.input, self.expected, self.details))


def check_dataset(form: DatasetForm) -> None:
    """Raise `BadRequest`, which names the field."""
    if not DATASET_NAME.fullmatch(form.name):
        raise BadRequest(
            "name: expected 1 to 100 of A-Z, a-z, 0-9, '_', '.' and '-', not beginning with a sign"
        )
    check_description(form.description)


def check_description(text: str) -> None:
    """Raise `BadRequest` for one that is too long, or that no database holds."""
    if len(text) > MOST_DESCRIPTION_CHARS or not _is_kept(text):
        raise BadRequest(f"description: expected at most {MOST_DESCRIPTION_CHARS} characters")


def check_run(form: RunForm) -> None:
    """Raise `BadRequest`, which names the field."""
    if not 1 <= len(form.name) <= MOST_RUN_CHARS or not _is_kept(form.name):
        raise BadRequest(f"name: expected 1 to {MOST_RUN_CHARS} characters")
    check_description(form.description)


def written(form: ItemForm, number: int = 0) -> Written:
    """Return an item as it is kept; raises `BadRequest`, with its number in the request."""
    where = f"[{number}]."
    if form.id and not ITEM_ID.fullmatch(form.id):
        raise BadRequest(
            f"{where}id: expected 1 to 200 of A-Z, a-z, 0-9 and _.:@=+~-, but not '.' or '..'"
        )
    for field, most in MOST_CHARS.items():
        if not is_sayable(field, getattr(form, field)):
            raise BadRequest(f"{where}{field}: expected at most {most} characters")
    found = Written(
        item_id=form.id or uuid.uuid4().hex,
        input=json_text(form.input, f"{where}input"),
        expected=json_text(form.expected_output, f"{where}expected_output"),
        details=details_text(form.metadata, f"{where}metadata"),
        archived=form.archived,
        trace_id=canonical_id(form.trace_id),
        user_id=form.user_id,
        session_id=canonical_id(form.session_id),
    )
    if found.input == "null":
        raise BadRequest(f"{where}input: expected something")
    if found.size > MOST_ITEM_BYTES:
        raise BadRequest(f"{where}input: the item has more than {MOST_ITEM_BYTES // 1024} KiB")
    return found


def is_sayable(field: str, text: str) -> bool:
    """Tells whether an item may say this as its `trace_id`, `user_id` or `session_id`."""
    return len(text) <= MOST_CHARS[field] and _is_kept(text)


def json_text(raw: Raw, field: str) -> str:
    """Return JSON without blanks; raises `BadRequest` for what nobody could read again."""
    try:
        msgspec.json.decode(raw)  # the other one takes numbers beyond all bounds
        return msgspec.json.format(bytes(raw), indent=-1).decode()
    except (ValueError, msgspec.DecodeError, RecursionError) as error:
        raise BadRequest(f"{field}: expected JSON") from error


def details_text(details: dict[str, Any], field: str = "metadata") -> str:
    """Return metadata as text; raises `BadRequest` where it is too long, or nested too deep."""
    try:
        text = msgspec.json.encode(details)
    except RecursionError as error:
        raise BadRequest(f"{field}: it is nested too deep") from error
    if len(text) > MOST_METADATA_BYTES:
        raise BadRequest(f"{field}: expected at most {MOST_METADATA_BYTES} bytes")
    return text.decode()


def _is_kept(text: str) -> bool:
    return "\0" not in text and not any("\ud800" <= sign <= "\udfff" for sign in text)
