"""What a JSON text is written in: UTF-8, and what others write before it or instead of it."""

import codecs

_WRITTEN: tuple[tuple[bytes, str], ...] = (
    (codecs.BOM_UTF32_LE, "UTF-32"),
    (codecs.BOM_UTF32_BE, "UTF-32"),
    (codecs.BOM_UTF16_LE, "UTF-16"),
    (codecs.BOM_UTF16_BE, "UTF-16"),
)


def without_mark(body: bytes) -> bytes | None:
    """Returns a text without its byte order mark, `None` where it has none (RFC 8259, 8.1)."""
    return body[len(codecs.BOM_UTF8) :] if body.startswith(codecs.BOM_UTF8) else None


def wrong_encoding(body: bytes) -> str | None:
    """Returns the rule that a text in UTF-16 or UTF-32 breaks, `None` for any other.

    Without a mark its zeros tell: the first character of JSON is ASCII (RFC 4627, section 3).
    """
    found = next((name for mark, name in _WRITTEN if body.startswith(mark)), None)
    if found is None and b"\0" in body[:2]:
        found = "UTF-32" if body[:4].count(0) == 3 else "UTF-16"
    return None if found is None else f"Expected UTF-8, found {found}"
