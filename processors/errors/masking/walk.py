"""Masks the parts of an event. What holds nothing to mask stays as it was, byte for byte."""

import re
from enum import Enum, auto

import msgspec
from msgspec import Raw

from processors.errors.masking.deep import FILTERED_JSON, MAX_DEPTH, without_depths
from processors.errors.masking.names import Names, Verdict
from processors.errors.masking.quick import quick_search
from processors.errors.masking.texts import Texts
from schemas.errors.masking import MaskRules

EMPTY = (b'""', b"null", b"true", b"false", b"[]", b"{}", b'"None"', FILTERED_JSON)
"""Values under sensitive names that say nothing."""
KEPT = frozenset(
    (
        *("event_id", "trace_id", "span_id", "parent_span_id", "segment_id", "profile_id"),
        *("replay_id", "debug_id", "code_id", "traceId", "spanId", "parentSpanId", "eventId"),
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
        self._looks_at_all = bool(rules.own_patterns)
        self._ips = rules.ips

    def mask(self, item: bytes) -> bytes:
        """Masks an event; returns the same object where nothing was found."""
        if not self._may_hold(item):
            return item
        try:
            return self._value(item, Scope.ALL, 0)
        except RecursionError:
            return self._value(without_depths(item), Scope.ALL, 0)

    def _may_hold(self, part: bytes) -> bool:
        return self._looks_at_all or self._quick(part) is not None

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
        members = {name: bytes(value) for name, value in objects.decode(part).items()}
        masked = {}
        for name, value in members.items():
            masked[self._name(name)] = self._member(name, value, scope, depth)
        if scope is Scope.ALL:
            self._named_beside(members, masked)
        if list(masked.items()) == list(members.items()):
            return part
        return encode({name: Raw(value) for name, value in masked.items()})

    def _member(self, name: str, value: bytes, scope: Scope, depth: int) -> bytes:
        if len(value) < MOST_KEPT and (name in KEPT or name.lower().endswith("version")):
            return value
        if scope is Scope.ALL:
            verdict = self._names.verdict(name)
            if verdict is not Verdict.PLAIN:
                return self._sensitive(name, value, verdict, depth)
        if not self._may_hold(value) or (value[:1].isdigit() and IDS.search(name)):
            return value
        return self._value(value, SCOPES.get(name, scope), depth + 1)

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
        masked = [
            self._value(value, scope, depth + 1) if self._may_hold(value) else value
            for value in values
        ]
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

    def _name(self, name: str) -> str:
        """Masks names of fields that are secrets themselves, as in counts by token."""
        text = name.encode()
        masked = self._texts.mask(text, in_source=True)
        return name if masked is text else masked.decode(errors="replace")

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


def _text_of(part: bytes) -> str | None:
    """Decodes a text; `None` where its escapes are no characters."""
    try:
        return texts.decode(part)
    except msgspec.DecodeError:
        return None


def _listed(params: bytes) -> list[Raw] | dict[str, Raw]:
    return arrays.decode(params) if params[:1] == b"[" else [Raw(params)]
