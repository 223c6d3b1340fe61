"""Masks the parts of an event. What holds nothing to mask stays as it was, byte for byte."""

import re
from bisect import bisect_right
from enum import Enum, auto
from itertools import accumulate

import msgspec
from msgspec import Raw
from msgspec.structs import replace

from processors.errors.masking.deep import FILTERED_JSON, MAX_DEPTH, without_depths
from processors.errors.masking.names import Names, Verdict
from processors.errors.masking.own import OwnSearch
from processors.errors.masking.quick import quick_search
from processors.errors.masking.texts import Texts
from schemas.errors.masking import MaskRules

EMPTY = (b'""', b"null", b"true", b"false", b"[]", b"{}", b'"None"', FILTERED_JSON)
"""Values under sensitive names that say nothing."""
KEPT = frozenset(
    (
        *("event_id", "trace_id", "span_id", "parent_span_id", "segment_id", "profile_id"),
        *("replay_id", "debug_id", "code_id", "traceId", "spanId", "parentSpanId", "eventId"),
        *("check_in_id", "associated_event_id"),
        *("timestamp", "start_timestamp", "release", "dist", "platform", "level"),
        *("instruction_addr", "image_addr", "symbol_addr", "lineno", "colno", "_meta"),
    )
)
"""Fields that say what an event is and where it belongs. Only short values are kept."""
MOST_KEPT = 250
PAIR_NAMES = ("key", "name", "id")
PAIR_VALUES = ("value", "values")
IDS = re.compile(r"(?i)(?:^|[_.-]|(?<=[a-z])(?=I))ids?$|time(?:stamp)?$|_at$|[a-z]At$")
"""Numbers under such names are not of cards."""
SOURCE = re.compile(
    rb'"(?:(?:pre|post)_context|context_line|(?:pre|post)Context|contextLine)"\s*+:\s*+'
    rb'(?:"(?:[^"\\]++|\\.)*+"|\[(?:"(?:[^"\\]++|\\.)*+"|[^"{\]])*+\])',
    re.DOTALL,
)
"""Lines of source code around a frame: names within them say nothing."""
DIGITS = re.compile(rb'"?[0-9.]+"?')
FLAG = re.compile(rb'"--[0-9A-Za-z-]+"')
ASKED = re.compile(rb"%[sdrifx]|%\(\w+\)[sdr]|\{[\w.!:]*\}")
"""Where parameters stand in a message."""
FILLED = b"x1x1x1"

objects = msgspec.json.Decoder(dict[str, Raw])
arrays = msgspec.json.Decoder(list[Raw])
texts = msgspec.json.Decoder(str)
encode = msgspec.json.Encoder().encode


class Scope(Enum):
    """What counts within a part."""

    ALL = auto()
    TEXTS = auto()
    """Names of fields say nothing: they are those of packages, or of units."""
    SOURCE = auto()
    """Lines of source code: names within texts say nothing."""


SCOPES = {
    **dict.fromkeys(("modules", "sdk", "debug_meta", "measurements"), Scope.TEXTS),
    **dict.fromkeys(("context_line", "pre_context", "post_context"), Scope.SOURCE),
    **dict.fromkeys(("contextLine", "preContext", "postContext"), Scope.SOURCE),
}


class Masker:
    """Masks by one set of rules."""

    def __init__(self, rules: MaskRules) -> None:
        self._quick = quick_search(rules).search
        self._names = Names(rules)
        self._texts = Texts(rules, self._names)
        self._quick_of_source = quick_search(replace(rules, names=False, own_fields=())).search
        self._own = OwnSearch(rules.own_patterns) if rules.own_patterns else None

    def mask(self, item: bytes) -> bytes:
        """Masks an event; returns the same object where nothing was found."""
        if not self._may_hold(item) or self._is_source_alone(item):
            return item
        try:
            return self._value(item, Scope.ALL, 0)
        except RecursionError:
            return self._value(without_depths(item), Scope.ALL, 0)

    def _may_hold(self, part: bytes) -> bool:
        own = self._own
        return self._quick(part) is not None or (own is not None and own.may_find(part))

    def _is_source_alone(self, item: bytes) -> bool:
        """Whether what was found are names within lines of source code: of most events it is."""
        if b"context" not in item or self._quick_of_source(item) is not None:
            return False
        return not self._may_hold(SOURCE.sub(b"", item)) and self._own is None

    def _found_in(self, values: list[bytes]) -> set[int]:
        """Returns which of some values may hold something, with one search over all of them."""
        joined = b"\n".join(values)
        found: set[int] = set()
        ends = list(accumulate(len(value) + 1 for value in values))
        at = 0
        while (match := self._quick(joined, at)) is not None:
            place = bisect_right(ends, match.start() + 1)
            found.add(place)
            # From the line end on, which is the edge that a word may need.
            at = ends[place] - 1
            if place + 1 == len(values):
                break
        own = self._own
        if own is not None and own.may_find(joined):
            found.update(i for i, value in enumerate(values) if own.may_find(value))
        return found

    def _value(self, part: bytes, scope: Scope, depth: int) -> bytes:
        part = part.strip(b" \t\r\n")
        first = part[:1]
        if first == b'"':
            return self._text(part, scope, depth)
        if first in (b"{", b"["):
            if depth >= MAX_DEPTH:
                return FILTERED_JSON
            return (
                self._object(part, scope, depth)
                if first == b"{"
                else self._array(part, scope, depth)
            )
        return self._number(part) if first not in (b"t", b"f", b"n") else part

    def _object(self, part: bytes, scope: Scope, depth: int) -> bytes:
        scope = Scope.ALL if scope is Scope.SOURCE else scope
        members = {name: bytes(value) for name, value in objects.decode(part).items()}
        found = self._found_in(list(members.values()))
        masked = members.copy()
        for place, (name, value) in enumerate(members.items()):
            verdict = self._names.verdict(name) if scope is Scope.ALL else Verdict.PLAIN
            if verdict is not Verdict.PLAIN:
                masked[name] = self._sensitive(name, value, verdict, depth)
            elif place in found and not is_kept(name, value):
                masked[name] = self._value(value, SCOPES.get(name, scope), depth + 1)
        if scope is Scope.ALL:
            self._named_beside(members, masked)
        named = self._renamed(masked)
        if named is masked and masked == members:
            return part
        return encode({name: Raw(value) for name, value in named.items()})

    def _sensitive(self, name: str, value: bytes, verdict: Verdict, depth: int) -> bytes:
        if value in EMPTY or (verdict is Verdict.UNLESS_NUMBER and DIGITS.fullmatch(value)):
            return value
        if verdict in (Verdict.EMAIL, Verdict.IP):
            if value[:1] != b'"':
                return self._value(value, Scope.ALL, depth + 1)
            return b'"[email]"' if verdict is Verdict.EMAIL else b'"[ip]"'
        if name.lower().endswith("cookies") and value[:1] == b"{":
            return encode(dict.fromkeys(objects.decode(value), Raw(FILTERED_JSON)))
        return FILTERED_JSON

    def _named_beside(self, members: dict[str, bytes], masked: dict[str, bytes]) -> None:
        """Masks values whose names stand beside them, and the parameters of a message."""
        names = [members[name] for name in PAIR_NAMES if members.get(name, b"")[:1] == b'"']
        for value in PAIR_VALUES:
            if value in masked and any(self._is_sensitive(name) for name in names):
                masked[value] = FILTERED_JSON
        if "params" in members and self._asks(members.get("message", b"")):
            masked["params"] = encode([Raw(FILTERED_JSON)] * len(_listed(members["params"])))

    def _array(self, part: bytes, scope: Scope, depth: int) -> bytes:
        values = [bytes(value) for value in arrays.decode(part)]
        masked = values.copy()
        for place in self._found_in(values):
            masked[place] = self._value(values[place], scope, depth + 1)
        if scope is Scope.ALL:
            self._named_before(values, masked)
        return part if masked == values else encode([Raw(value) for value in masked])

    def _named_before(self, values: list[bytes], masked: list[bytes]) -> None:
        """Masks what follows a sensitive name: pairs of headers, arguments of a command."""
        if len(values) == 2 and values[0][:1] == b'"' and self._is_sensitive(values[0]):
            masked[1] = values[1] if values[1] in EMPTY else FILTERED_JSON
        for place, value in enumerate(values[:-1]):
            if FLAG.fullmatch(value) and self._is_sensitive(value):
                masked[place + 1] = FILTERED_JSON

    def _is_sensitive(self, name: bytes) -> bool:
        verdict = self._names.verdict(_text_of(name) or "")
        return verdict in (Verdict.SENSITIVE, Verdict.LIKELY, Verdict.UNLESS_NUMBER)

    def _asks(self, message: bytes) -> bool:
        if message[:1] != b'"' or not ASKED.search(message):
            return False
        filled = ASKED.sub(FILLED, (_text_of(message) or "").encode())
        return self._texts.mask(filled) is not filled

    def _renamed(self, members: dict[str, bytes]) -> dict[str, bytes]:
        """Masks names of fields that are secrets themselves, as in counts by token."""
        names = "\n".join(members).encode()
        if self._quick_of_source(names) is None and (
            self._own is None or not self._own.matches(names)
        ):
            return members
        masked = {name: self._texts.mask(name.encode(), in_source=True) for name in members}
        if all(name.encode() == new for name, new in masked.items()):
            return members
        return {masked[name].decode(errors="replace"): value for name, value in members.items()}

    def _text(self, part: bytes, scope: Scope, depth: int) -> bytes:
        if b"\\" in part:
            decoded = _text_of(part)
            if decoded is None:
                return FILTERED_JSON
            text = decoded.encode()
        else:
            text = part[1:-1]
        masked = self._nested(text, depth)
        if masked is None:
            masked = self._texts.mask(text, in_source=scope is Scope.SOURCE)
        return part if masked is text else encode(masked.decode(errors="replace"))

    def _nested(self, text: bytes, depth: int) -> bytes | None:
        """Masks a text that is JSON itself; `None` where it is none."""
        if text[:1] not in (b"{", b"[") or text[-1:] not in (b"}", b"]"):
            return None
        try:
            masked = self._value(text, Scope.ALL, depth + 1)
        except msgspec.DecodeError:
            return None
        except RecursionError:
            masked = FILTERED_JSON
        if masked == FILTERED_JSON:
            return FILTERED_JSON.strip(b'"')
        return text if masked == text else masked

    def _number(self, part: bytes) -> bytes:
        masked = self._texts.mask(part)
        return part if masked is part else encode(masked.decode())


def is_kept(name: str, value: bytes) -> bool:
    """Whether a field says what an event is, or a number cannot be a card's."""
    if len(value) >= MOST_KEPT:
        return False
    if name in KEPT or name.lower().endswith("version"):
        return True
    return value[:1].isdigit() and IDS.search(name) is not None


def _text_of(part: bytes) -> str | None:
    """Decodes a text; `None` where its escapes are no characters."""
    try:
        return texts.decode(part)
    except msgspec.DecodeError:
        return None


def _listed(params: bytes) -> list[Raw] | dict[str, Raw]:
    return arrays.decode(params) if params[:1] == b"[" else [Raw(params)]
