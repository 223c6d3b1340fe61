"""Tags of either protocol: a map, or pairs, of names to scalars."""

from typing import Annotated

import msgspec
from msgspec import Meta, Raw

from processors.errors.parts import Problems, decode_any, is_absent, note, scalar_text
from processors.errors.requests import pairs_of
from schemas.errors.event import MAX_TAGS

MAX_TAG_KEY = 200
"""As in Sentry."""
MAX_TAG_VALUE = 512

Key = Annotated[str, Meta(max_length=MAX_TAG_KEY)]
Value = Annotated[str, Meta(max_length=MAX_TAG_VALUE)]
Map = Annotated[dict[Key, Value], Meta(max_length=MAX_TAGS)]
_map: msgspec.json.Decoder[dict[str, str]] = msgspec.json.Decoder(Map)


def tags_of(raw: Raw, problems: Problems) -> dict[str, str]:
    """Returns the tags; what is no scalar is left out, what is too long is cut."""
    if is_absent(raw):
        return {}
    try:
        return _map.decode(raw)
    except (msgspec.ValidationError, RecursionError):
        return read_tags(decode_any(raw), problems)


def read_tags(value: object, problems: Problems) -> dict[str, str]:
    """Reads tags of any shape."""
    tags: dict[str, str] = {}
    for key, one in pairs_of(value, "tags", problems):
        if one is None:
            continue
        text = scalar_text(one)
        if text is None:
            note(problems, "tags: not a text, left out")
            continue
        if len(key) > MAX_TAG_KEY or len(text) > MAX_TAG_VALUE:
            note(problems, f"tags: cut at {MAX_TAG_KEY} and {MAX_TAG_VALUE} characters")
        if len(tags) == MAX_TAGS:
            note(problems, f"tags: {MAX_TAGS} kept")
            break
        tags[key[:MAX_TAG_KEY]] = text[:MAX_TAG_VALUE]
    return tags
