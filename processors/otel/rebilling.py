"""What stored marks say of the bill: which calls have another verdict now. Pure, no I/O."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import get_args

from clickhouse.bills import Keyed, StoredCall, StoredLink, Verdict
from processors.otel.billing import Mark, bill, whole_scope
from schemas.otel.meanings import Role

TRACE = "trace:"
NO_TRACE = TRACE
"""The scope of calls that name no trace: they have nothing to do with one another."""
_ROLES: Mapping[str, Role] = {role: role for role in get_args(Role)}


def traces_of(calls: Iterable[StoredCall]) -> set[Keyed]:
    """Returns the keys of those traces whose other spans the bill depends on.

    It does not where each call lies within none, or right in another call of its scope.
    """
    calls = list(calls)
    known = {(call.scope, call.item_id) for call in calls}
    return {
        Keyed(call.scope.project_id, f"{TRACE}{call.item_id[:32]}")
        for call in calls
        if call.parent_id and (call.scope, call.parent_id) not in known
    }


def changed_verdicts(calls: Sequence[StoredCall], links: Sequence[StoredLink]) -> list[Verdict]:
    """Returns those verdicts that are not what is stored."""
    of_scope: dict[Keyed, list[StoredCall]] = defaultdict(list)
    for call in calls:
        of_scope[call.scope].append(call)
    of_trace: dict[Keyed, list[Mark]] = defaultdict(list)
    for link in links:
        of_trace[link.at].append(Mark(id=link.item_id, parent_id=link.parent_id))
    changed = []
    for scope, told in of_scope.items():
        between = [mark for trace in sorted(traces_of(told)) for mark in of_trace[trace]]
        verdicts = bill(whole_scope(map(_mark, told), between))
        for call in told:
            verdict = verdicts.get(call.item_id, "billed")
            billing = "" if verdict == "billed" else verdict
            if billing != call.billing:
                changed.append(Verdict(scope, call.item_id, call.at_us, billing))
    return changed


def _mark(call: StoredCall) -> Mark:
    input_tokens, output_tokens, cache_read, cache_write = call.counts
    return Mark(
        id=call.item_id,
        parent_id=call.parent_id or None,
        role=_ROLES[call.role],
        is_record=call.is_record,
        model=call.model or None,
        response_id=call.response_id or None,
        input_tokens=input_tokens,
        output_tokens=output_tokens,
        cache_read_tokens=cache_read,
        cache_write_tokens=cache_write,
    )
