"""Takes secrets out of lines. Pure but for what it remembers of them.

A secret is found as it is, in JSON, URL-encoded, and in base64 wherever it stands in what was
encoded: a byte there is in one of three places of four characters, so there are three forms. A
secret of several lines is found line by line, and as a whole in base64. Base64 that is wrapped is
found where lines have 64 or 76 characters and the secret begins the text, as `base64` and `openssl`
write a file that holds it alone.
"""

import base64
import json
import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from urllib.parse import quote, quote_plus

import re2

FILTERED = "[Filtered]"
"""As what is masked in errors."""
LEAST_CHARS = 6
"""Shorter values are no secrets: they would take words out of lines."""
PIECE_BYTES = 1 << 10
"""Longer forms are looked for in pieces, so that no more of a line need be held."""
GROUP_BYTES = 256 << 10
"""Of forms in one expression."""
MOST_MEMORY = 128 << 20
MOST_FOUND = 100
"""In one line; where there are more, nothing of it is shown."""
WRAPPED = (64, 76)
SAFE_IN_URLS = ("", "/", "!'()*")
"""Python's `quote_plus` aside: by Go and Java, by paths, by `encodeURIComponent`."""
SKIPPED = (0, 2, 3)
"""Characters at the beginning that also hold bits of what stands before."""
MARK = FILTERED.encode()
PERCENT = re.compile(r"%[0-9A-F]{2}")


class Masker:
    """The secrets of one deployment."""

    def __init__(self, secrets: Iterable[str]) -> None:
        forms = {piece for secret in secrets for form in _forms(secret) for piece in _cut(form)}
        self._forms = sorted(forms)
        self._expressions = [_compiled(group) for group in _groups(self._forms)]
        self.longest = max(map(len, self._forms), default=0)
        """Of all forms in bytes: as much at the end of what was cut may be a part of one."""

    def __repr__(self) -> str:
        """Shows no secret."""
        return f"Masker({len(self._forms)} forms)"

    def mask(self, line: bytes) -> bytes:
        """Returns a line in which each secret, and what overlaps with one, is a mark."""
        if not any(expression.search(line) for expression in self._expressions):
            return line
        spans = sorted(span for one in self._expressions for span in _found(one, line))
        if len(spans) > MOST_FOUND:
            return MARK
        shown, end = [], 0
        for first, last in spans:
            if first >= end:
                shown += [line[end:first], MARK]
            end = max(end, last)
        return b"".join([*shown, line[end:]])

    def held(self, begun: bytes) -> int:
        """Returns how many bytes at the end may be the beginning of a secret."""
        for first in range(max(0, len(begun) - self.longest), len(begun)):
            end = begun[first:]
            place = bisect_left(self._forms, end)
            if place < len(self._forms) and self._forms[place].startswith(end):
                return len(end)
        return 0


def _found(expression: "re2._Regexp", line: bytes) -> Iterator[tuple[int, int]]:
    """Yields where secrets are, those that overlap too."""
    place, count = 0, 0
    while count <= MOST_FOUND and (match := expression.search(line, place)):
        yield match.span()
        place, count = match.start() + 1, count + 1


def _forms(secret: str) -> Iterator[bytes]:
    """Yields how a secret may be written, none of it shorter than a secret is."""
    text = secret.strip()
    lines = [line for line in map(str.strip, text.splitlines()) if len(line) >= LEAST_CHARS]
    for line in lines:
        yield from _plain(line)
    if len(text) >= LEAST_CHARS:
        # With what surrounds it too: it is encoded as it stands in a file or a variable.
        for whole in {text, secret, *lines}:
            yield from (form for form in _base64(_bytes(whole)) if len(form) >= LEAST_CHARS)


def _plain(line: str) -> Iterator[bytes]:
    yield _bytes(line)
    for as_ascii in (True, False):
        yield _bytes(json.dumps(line, ensure_ascii=as_ascii)[1:-1])
    plain = _bytes(line)
    for encoded in (*(quote(plain, safe=safe) for safe in SAFE_IN_URLS), quote_plus(plain)):
        yield encoded.encode()
        yield PERCENT.sub(lambda found: found[0].lower(), encoded).encode()


def _base64(plain: bytes) -> Iterator[bytes]:
    for before, skipped in enumerate(SKIPPED):
        # The last character may hold bits of what stands behind.
        end = (before + len(plain)) * 8 // 6
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            yield encode(bytes(before) + plain)[skipped:end]
    for width in WRAPPED:
        wrapped = base64.b64encode(plain)
        if len(wrapped) > width:
            yield from (wrapped[at : at + width] for at in range(0, len(wrapped), width))


def _bytes(text: str) -> bytes:
    # What an environment holds may be no UTF-8: Python keeps such bytes as surrogates.
    return text.encode(errors="surrogateescape")


def _cut(form: bytes) -> Iterator[bytes]:
    """Yields a form in pieces, none of which is too short to be looked for."""
    while len(form) >= PIECE_BYTES + LEAST_CHARS:
        yield form[:PIECE_BYTES]
        form = form[PIECE_BYTES:]
    yield form


def _groups(forms: Iterable[bytes]) -> Iterator[list[bytes]]:
    group: list[bytes] = []
    size = 0
    for form in forms:
        if size + len(form) > GROUP_BYTES:
            yield group
            group, size = [], 0
        group.append(form)
        size += len(form)
    if group:
        yield group


def _compiled(forms: Iterable[bytes]) -> "re2._Regexp":
    """Compiles one alternation; of forms that begin at one place the longest is found."""
    options = re2.Options()
    options.encoding = re2.Options.Encoding.LATIN1
    options.longest_match = True
    options.max_mem = MOST_MEMORY
    # What it logs would hold the expression.
    options.log_errors = False
    return re2.compile(b"|".join(map(re2.escape, forms)), options)
