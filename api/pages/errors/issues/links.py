"""What else belongs to the trace of an event: links to transactions, LLM calls, agents, errors."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from api.pages.addresses import Address
from api.pages.errors.issues.cutting import SHORT
from api.pages.parts.texts import duration
from clickhouse.errors.trace_links import TraceLinks
from schemas.errors.issues import IssueRow

SHOWN = 4
"""Of each kind."""


class Link(NamedTuple):
    """Something of the same trace."""

    text: str
    href: str


def links_of(
    address: Address, found: TraceLinks, issues: Mapping[str, IssueRow], own: str
) -> list[Link]:
    """Returns the links, a few of each kind.

    issues   those of the errors that were found, by their fingerprints
    own      the event that is shown: it needs no link to itself
    """
    return [*_transactions(address, found), *_calls(address, found), *_events(address, found),
            *_errors(address, found, issues, own)]  # fmt: skip


def _transactions(address: Address, found: TraceLinks) -> Iterator[Link]:
    for one in found.transactions[:SHOWN]:
        text = f"Transaction {one.name[:SHORT]}, {duration(one.duration_ns / 1e6)}"
        yield Link(text, address.thing("performance/transactions", one.event_id))


def _calls(address: Address, found: TraceLinks) -> Iterator[Link]:
    for one in found.calls[:SHOWN]:
        text = f"LLM call {one.model[:SHORT]}, {duration(one.latency_ms)}"
        yield Link(text, address.thing("llm/traces", one.trace_id))


def _events(address: Address, found: TraceLinks) -> Iterator[Link]:
    for one in found.agent_events[:SHOWN]:
        text = f"Agent: {(one.tool or one.event_type)[:SHORT]}"
        yield Link(text, address.thing("agents/spans", one.span_id))


def _errors(
    address: Address, found: TraceLinks, issues: Mapping[str, IssueRow], own: str
) -> Iterator[Link]:
    others = [one for one in found.errors if one.event_id != own and one.fingerprint in issues]
    for one in others[:SHOWN]:
        issue = issues[one.fingerprint]
        rest = f"/events/{one.event_id}"
        text = f"Error {(one.type or one.title)[:SHORT]}"
        yield Link(text, address.thing("errors/issues", issue.id, rest))
