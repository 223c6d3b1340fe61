"""The HTTP request that was being answered, as SDKs describe it."""

from typing import Any
from urllib.parse import urlencode

from msgspec import Raw

from processors.errors.parts import (
    MAX_JSON,
    MAX_NAME,
    MAX_TEXT,
    Problems,
    any_of,
    decode_any,
    encode_any,
    is_absent,
    lenient_text,
    mapping_of,
    note,
    scalar_text,
    text_of,
)
from schemas.errors.event import EMPTY, Asked

MAX_HEADERS = 100


def asked_of(raw: Raw, problems: Problems) -> Asked | None:
    """Returns the request; `None` where none is described."""
    if is_absent(raw):
        return None
    request = mapping_of(decode_any(raw), "request", problems)
    if not request:
        return None
    return Asked(
        method=text_of(request.get("method"), "request.method", problems, 64),
        url=text_of(request.get("url"), "request.url", problems, MAX_TEXT),
        query=_query(request.get("query_string"), problems),
        headers=_headers(request.get("headers"), problems),
        cookies=_json(request.get("cookies"), "request.cookies", problems),
        data=_json(request.get("data"), "request.data", problems),
        env=_json(request.get("env"), "request.env", problems),
    )


def pairs_of(value: object, name: str, problems: Problems) -> list[tuple[str, Any]]:
    """Reads an object, a list of pairs, or a list of objects with `key` and `value`."""
    if value is None:
        return []
    if isinstance(value, dict):
        return list(value.items())
    if not isinstance(value, list):
        note(problems, f"{name}: neither an object nor pairs, left out")
        return []
    pairs = []
    for one in value:
        if isinstance(one, dict):
            one = [one.get("key"), one.get("value")]
        if isinstance(one, list) and len(one) == 2 and isinstance(one[0], str):
            pairs.append((one[0], one[1]))
        elif one is not None:
            note(problems, f"{name}: not a pair, left out")
    return pairs


def _query(value: object, problems: Problems) -> str:
    if isinstance(value, dict | list):
        pairs = pairs_of(value, "request.query_string", problems)
        value = urlencode([(key, scalar_text(one) or "") for key, one in pairs])
    query = text_of(value, "request.query_string", problems, MAX_TEXT)
    return query.removeprefix("?")


def _headers(value: object, problems: Problems) -> tuple[tuple[str, str], ...]:
    headers = []
    for key, one in pairs_of(value, "request.headers", problems)[:MAX_HEADERS]:
        if isinstance(one, list) and all(isinstance(part, str) for part in one):
            one = ", ".join(one)
        text = lenient_text(one, "request.headers", problems, MAX_TEXT)
        if text is not None:
            headers.append((text_of(key, "request.headers", problems, MAX_NAME), text))
    return tuple(headers)


def _json(value: object, name: str, problems: Problems) -> Raw:
    if value is None or value in ("", {}, []):
        return EMPTY
    return any_of(Raw(encode_any(value)), name, problems, MAX_JSON)
