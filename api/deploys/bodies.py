"""Bodies of requests about deployments: read so that the first mistake is named in plain words."""

import re
from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from api.auth import AnyRequest
from controlplane.failures import BadRequest
from schemas.encodings import without_mark, wrong_encoding
from schemas.issues import issue_of

Shape = TypeVar("Shape", bound=Struct)
KINDS = {
    "int": "a whole number",
    "str": "a text",
    "bool": "true or false",
    "array": "a list",
    "object": "an object",
    "float": "a number",
    "null": "null",
}
LENGTH = re.compile(r" of length (>=|<=) (\d+)")
RANGE = re.compile(r" (>=|<=) (-?\d+)")


async def fields_of(request: AnyRequest) -> dict[str, Any]:
    """Returns the fields of the JSON object in a body; null counts as left out.

    Raises `BadRequest`.
    """
    body = await request.body()
    try:
        found = msgspec.json.decode(without_mark(body) or body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        rule = wrong_encoding(body) or "expected a JSON object"
        raise BadRequest(f"body: {rule}") from error
    if not isinstance(found, dict):
        raise BadRequest("body: expected a JSON object")
    return {name: value for name, value in found.items() if value is not None}


async def body_of(request: AnyRequest, shape: type[Shape]) -> Shape:
    """Returns what a body holds, in a shape. Raises `BadRequest`."""
    return converted(await fields_of(request), shape)


def converted(fields: dict[str, Any], shape: type[Shape]) -> Shape:
    """Returns fields in a shape. Raises `BadRequest`."""
    try:
        return msgspec.convert(fields, shape)
    except msgspec.ValidationError as error:
        found = issue_of(error, shape)
        place = ".".join(str(part) for part in found.path if part != "") or "body"
        raise BadRequest(f"{place}: {_plain(found.message)}") from error


def _plain(rule: str) -> str:
    """Returns a rule of msgspec in words: `Expected `str` of length >= 2` as people say it."""
    if rule == "Required":
        return "is required"
    rule = LENGTH.sub(
        lambda m: f" of at {'least' if m[1] == '>=' else 'most'} {m[2]} characters", rule
    )
    rule = RANGE.sub(lambda m: f" of at {'least' if m[1] == '>=' else 'most'} {m[2]}", rule)
    rule = re.sub(r"`(\w+)(?: \| \w+)*`", lambda m: KINDS.get(m[1], m[1]), rule)
    rule = rule.replace(", got ", ", not ")
    return rule[:1].lower() + rule[1:]
