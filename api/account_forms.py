"""How the account endpoints read a body and write a time."""

from datetime import UTC, datetime
from typing import TypeVar

import msgspec

from api.auth import AnyRequest
from controlplane.failures import BadRequest
from schemas.encodings import without_mark, wrong_encoding

# Names, emails and passwords: nothing here is longer than a few hundred characters.
MAX_FORM_BYTES = 64 * 1024

T = TypeVar("T")


async def read_form(
    request: AnyRequest, form: type[T], *, otherwise: str, bad_json: str = "Invalid JSON body"
) -> T:
    """Decode a JSON body into a form of optional fields.

    Raises `BadRequest`: with `bad_json` when the body is no JSON, with `otherwise` when it is
    JSON of another shape, such as a number where a text belongs.
    """
    body = await request.body()
    try:
        return msgspec.json.decode(without_mark(body) or body, type=form)
    except msgspec.ValidationError as error:
        raise BadRequest(otherwise) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        rule = wrong_encoding(body)
        raise BadRequest(f"{bad_json}: {rule}" if rule else bad_json) from error


def trimmed(text: str | None) -> str:
    """Trim a field that may be missing."""
    return (text or "").strip()


def iso_ms(moment: datetime) -> str:
    """Write a time as clients of JavaScript expect it: UTC, milliseconds, `Z`."""
    utc = moment.astimezone(UTC)
    return f"{utc:%Y-%m-%dT%H:%M:%S}.{utc.microsecond // 1000:03d}Z"
