"""Which of the calls that were told are billed: each call once, whoever tells it how often.

`bill` is a function of a set. Every span and record that tells of a call, and every span between
them, is a `Mark`; a mark that comes twice is one mark. So any order, repetition and division into
batches gives the same bill, and a late span can change it. The rules are in docs/otel-mapping.md.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Literal, NamedTuple

from msgspec import Struct

from schemas.otel.meanings import Meaning, Role, Usage

Verdict = Literal["billed", "copy", "repeated", "wrapper", "told_twice"]
"""Why a call is not billed: a raw copy; the sum of calls within; not a leaf; told elsewhere too."""


class Mark(Struct, frozen=True, gc=False, kw_only=True):
    """One span, or one record that tells of a call, as the bill sees it."""

    id: str
    """Of the row: of a span `item_id_of`, which its trace and it make up; of a record its own."""
    parent_id: str | None = None
    role: Role = "none"
    is_record: bool = False
    model: str | None = None
    response_id: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_read_tokens: int | None = None
    cache_write_tokens: int | None = None


class _Tree(NamedTuple):
    calls: Mapping[str, list[Mark]]
    """Of a call: the nearest calls below it, whatever lies between."""
    wrappers: Mapping[str, list[Mark]]
    """Of a wrapper: the nearest wrappers below it."""


def mark_of(identity: str, parent_id: str | None, meaning: Meaning, is_record: bool) -> Mark:
    """The mark of a span or a record. One that tells of no call is there for those around it."""
    call = meaning.call
    if call is None or meaning.role == "none":
        return Mark(id=identity, parent_id=parent_id)
    usage: Usage = call.usage
    return Mark(
        id=identity,
        parent_id=parent_id,
        role=meaning.role,
        is_record=is_record,
        model=call.model_used or call.model_requested,
        response_id=call.response_id,
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        cache_read_tokens=usage.cache_read_tokens,
        cache_write_tokens=usage.cache_write_tokens,
    )


def scope_of(trace_id: str | None, meaning: Meaning) -> str:
    """Within what marks are billed together: a trace; of Claude Code, a session.

    Its spans and its records tell of the same calls, and the records belong to no trace.
    """
    if meaning.flavour == "claude_code" and meaning.session_id:
        return f"session:{meaning.session_id}"
    return f"trace:{trace_id or ''}"


def whole_scope(calls: Iterable[Mark], links: Iterable[Mark]) -> list[Mark]:
    """Returns all marks of a scope: its calls, and other spans of the traces that these are of."""
    own = {mark.id: mark for mark in calls}
    return [*own.values(), *(link for link in links if link.id not in own)]


def bill(marks: Iterable[Mark]) -> dict[str, Verdict]:
    """Says of each mark that tells of a call whether it is billed. All are of one scope."""
    known = _by_id(marks)
    tree = _Tree(_within(known, "inference"), _within(known, "wrapper"))
    calls = [mark for mark in known.values() if mark.role in ("inference", "copy")]
    verdicts = {mark.id: _among_spans(mark, known, tree) for mark in calls}
    _settle_uncounted(calls, tree, verdicts)
    _settle_equal_ids(calls, verdicts)
    _settle_records(calls, verdicts)
    has_call = any(mark.role == "inference" and _counts(mark) for mark in calls)
    for mark in known.values():
        if mark.role == "wrapper":
            inner = tree.wrappers.get(mark.id, ())
            verdicts[mark.id] = "wrapper" if has_call or any(map(_counts, inner)) else "billed"
    return verdicts


def _by_id(marks: Iterable[Mark]) -> dict[str, Mark]:
    """Marks in an order; of different ones with one id always the same, however they came."""
    known: dict[str, Mark] = {}
    for mark in marks:
        other = known.setdefault(mark.id, mark)
        if other != mark and repr(other) < repr(mark):
            known[mark.id] = mark
    return dict(sorted(known.items()))


def _within(known: Mapping[str, Mark], role: Role) -> dict[str, list[Mark]]:
    """For each span of a role the nearest ones of that role on the ways down from it."""
    nearest: dict[str, str | None] = {}
    found: dict[str, list[Mark]] = defaultdict(list)
    for mark in known.values():
        if mark.role == role and not mark.is_record:
            above = _above(mark.parent_id, role, known, nearest)
            if above is not None and above != mark.id:
                found[above].append(mark)
    return found


def _above(
    at: str | None, role: Role, known: Mapping[str, Mark], nearest: dict[str, str | None]
) -> str | None:
    """The nearest span of a role from a span on upwards. Parents that form a ring have none."""
    path: list[str] = []
    found: str | None = None
    while at is not None and (mark := known.get(at)) is not None:
        if at in nearest:
            found = nearest[at]
            break
        path.append(at)
        nearest[at] = None
        if mark.role == role:
            found = at
            break
        at = mark.parent_id
    nearest.update(dict.fromkeys(path, found))
    return found


def _among_spans(mark: Mark, known: Mapping[str, Mark], tree: _Tree) -> Verdict:
    if mark.role == "copy":
        around = known.get(mark.parent_id or "")
        return "copy" if around is not None and around.role == "inference" else "billed"
    inner = tree.calls.get(mark.id)
    return "repeated" if inner and _repeats(mark, inner) else "billed"


def _settle_uncounted(calls: list[Mark], tree: _Tree, verdicts: dict[str, Verdict]) -> None:
    """A call without counts is the one around it, where that one has them and is billed."""
    for mark in calls:
        if verdicts[mark.id] == "billed" and _counts(mark):
            for one in tree.calls.get(mark.id, ()):
                if not _counts(one) and verdicts[one.id] == "billed":
                    verdicts[one.id] = "told_twice"


def _repeats(mark: Mark, inner: list[Mark]) -> bool:
    """Whether a call adds nothing to those within: it is one of them, or the sum of them."""
    if mark.response_id and any(one.response_id == mark.response_id for one in inner):
        return any(map(_counts, inner)) or not _counts(mark)
    if not _counts(mark):
        return True
    into = sum(one.input_tokens or 0 for one in inner)
    cached = sum((one.cache_read_tokens or 0) + (one.cache_write_tokens or 0) for one in inner)
    out = sum(one.output_tokens or 0 for one in inner)
    return (mark.output_tokens or 0) == out and (mark.input_tokens or 0) in (into, into - cached)


def _settle_equal_ids(calls: list[Mark], verdicts: dict[str, Verdict]) -> None:
    """Of calls with one response id that lie beside each other, the one that tells most counts."""
    by_id: dict[str, list[Mark]] = defaultdict(list)
    for mark in calls:
        if mark.response_id and verdicts[mark.id] == "billed":
            by_id[mark.response_id].append(mark)
    for same in by_id.values():
        for mark in sorted(same, key=_worth)[1:]:
            verdicts[mark.id] = "told_twice"


def _worth(mark: Mark) -> tuple[bool, bool, int, str]:
    parts = (mark.input_tokens, mark.output_tokens, mark.cache_read_tokens, mark.cache_write_tokens)
    return mark.is_record, mark.role == "copy", sum(one is None for one in parts), mark.id


def _settle_records(calls: list[Mark], verdicts: dict[str, Verdict]) -> None:
    """A record whose counts a span has too is that span's call; each span stands for one."""
    spans: dict[object, int] = defaultdict(int)
    # These stand for a record already, by its response id.
    found = {one.response_id for one in calls if one.is_record and verdicts[one.id] != "billed"}
    for mark in calls:
        is_taken = mark.response_id is not None and mark.response_id in found
        if not mark.is_record and verdicts[mark.id] == "billed" and not is_taken:
            spans[_key(mark)] += 1
    for mark in sorted(calls, key=lambda one: one.id):
        if not mark.is_record or verdicts[mark.id] != "billed":
            continue
        if spans[_key(mark)] > 0:
            spans[_key(mark)] -= 1
            verdicts[mark.id] = "told_twice"


def _key(mark: Mark) -> object:
    return (
        mark.model,
        mark.input_tokens,
        mark.output_tokens,
        mark.cache_read_tokens or 0,
        mark.cache_write_tokens or 0,
    )


def _counts(mark: Mark) -> bool:
    return mark.input_tokens is not None or mark.output_tokens is not None
