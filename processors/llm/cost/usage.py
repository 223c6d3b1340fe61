"""Token counts as prices need them: inclusive totals, from whatever a trace carries.

Canonical usage is inclusive: input = uncached + cache read + cache write, output = answer +
reasoning + audio (research/llm.md 4.4). Each provider's shape is read in `shapes`; here its counts
and the sender's are settled. The rules, for input and output alike:

1. What is not an integer from 0 to 2^53 - 1 is not there.
2. The provider's own object is believed where the sender's total is absent, zero or equal to one of
   its readings; a sender's total that differs stands alone.
3. With a grand total given, the reading that adds up to it is right.
4. Parts larger than the whole prove that the whole excludes them.
5. Otherwise the convention of the shape decides; without one, totals are taken as inclusive.
"""

from __future__ import annotations

from operator import attrgetter
from typing import Any

from msgspec import Struct, structs

from processors.llm.cost.shapes import Convention, ReportedUsage, read_shape, safe_count


class Extras(Struct, frozen=True, gc=False):
    """What few calls have: tokens that are no text, charges that are no tokens, other terms."""

    input_audio_tokens: int | None = None
    output_audio_tokens: int | None = None
    cache_audio_read_tokens: int | None = None  # both of the cache read and of the input audio
    input_image_tokens: int | None = None
    output_image_tokens: int | None = None
    cache_image_read_tokens: int | None = None
    input_video_tokens: int | None = None
    output_video_tokens: int | None = None
    citation_tokens: int | None = None  # of the output
    web_searches: int | None = None
    preview_searches: int | None = None  # by OpenAI's older tool, at another price
    file_searches: int | None = None
    search_sources: int | None = None  # pages that a search was charged by
    code_executions: int | None = None
    containers: int | None = None  # sandboxes in which code ran
    audio_ms: int | None = None
    call_inputs: tuple[int, int] | None = None
    """Of several calls that are counted as one: the smallest and the largest input."""
    terms: tuple[tuple[str, str], ...] = ()
    """Under which other than the standard terms the call was served, as ("speed", "fast")."""
    unlisted: tuple[str, ...] = ()
    """What was charged besides, by something that no answer counts, as "image_generation"."""


class Usage(Struct, frozen=True, gc=False):
    """What one call consumed. None is unknown; totals include their parts."""

    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_read_tokens: int | None = None  # of the input
    cache_write_tokens: int | None = None  # of the input, every lifetime
    cache_write_1h_tokens: int | None = None  # of the cache write
    reasoning_tokens: int | None = None  # of the output
    extras: Extras | None = None


EXTRA_COUNTS = Extras.__struct_fields__[:-3]
"""The extras that are counts, in the order of `table.COUNTERS`."""
_extras_of = attrgetter(
    *(name for name in Extras.__struct_fields__ if name in ReportedUsage.__struct_fields__)
)
_INPUT_SIDE = (
    *(name for name in ReportedUsage.__struct_fields__ if "input" in name or "cache" in name),
)
_OUTPUT_SIDE = (
    *(name for name in ReportedUsage.__struct_fields__ if "output" in name or "reasoning" in name),
)


class SentCounts(Struct, frozen=True, gc=False):
    """The counts in the sender's own fields, and whether its protocol says what totals include."""

    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_read_tokens: int | None = None
    cache_write_tokens: int | None = None
    reasoning_tokens: int | None = None
    total_tokens: int | None = None
    convention: Convention | None = None


def usage_of(sent: SentCounts, raw: object) -> Usage:
    """The usage of an LLM call. `raw` is the provider's own usage object, whatever it holds."""
    report = read_shape(raw)
    if sent.cache_read_tokens or sent.cache_write_tokens or sent.reasoning_tokens:
        own = _report_of(sent)
        return _settle(own if report is None else _merge(own, report), "inclusive")
    if report is None:  # most traces: nothing to settle
        return Usage(safe_count(sent.input_tokens), safe_count(sent.output_tokens))
    if _tells_all(report, sent):
        return _settle(report, "inclusive")
    return _settle(_merge(_report_of(sent), report), "inclusive")


def _tells_all(report: ReportedUsage, sent: SentCounts) -> bool:
    """Whether a sender who counts no parts adds nothing to the provider's report."""
    if report.output_tokens is None or (report.total_tokens is None and sent.total_tokens):
        return False
    cached = (report.cache_read_tokens or 0) + (report.cache_write_tokens or 0)
    thought = report.reasoning_tokens or 0
    return (
        report.input_convention is not None
        and _agree(safe_count(sent.input_tokens), report.input_tokens, cached)
        and _agree(safe_count(sent.output_tokens), report.output_tokens, thought)
    )


def usage_of_agent(raw: object) -> Usage:
    """The usage of an agent's span, from the CLI's `metadata.usage`, whatever it holds.

    Claude Code and opencode count cached tokens beside the input, and reasoning beside the
    output. Their object does not say so: unless its numbers do, that is assumed.
    """
    return _settle(read_shape(raw) or ReportedUsage(), "exclusive")


def with_extras(usage: Usage, **found: Any) -> Usage:
    """The usage with these of its extras replaced, where they are not empty."""
    changes = {name: value for name, value in found.items() if value}
    if not changes:
        return usage
    return structs.replace(usage, extras=structs.replace(usage.extras or Extras(), **changes))


def _settle(report: ReportedUsage, default: Convention) -> Usage:
    cached = (report.cache_read_tokens or 0) + (report.cache_write_tokens or 0)
    into = _read(report.input_tokens, cached, report.input_convention or default)
    thought = (report.reasoning_tokens or 0) + (report.citation_tokens or 0)
    out = _read(report.output_tokens, thought, report.output_convention or default)
    pairs = [(i, o) for i in into for o in out]
    adding_up = [(i, o) for i, o in pairs if (i or 0) + (o or 0) == report.total_tokens]
    chosen = adding_up[0] if adding_up else pairs[0]
    return Usage(
        *chosen,
        report.cache_read_tokens,
        report.cache_write_tokens,
        report.cache_write_1h_tokens,
        report.reasoning_tokens,
        _extras(report),
    )


def _extras(report: ReportedUsage) -> Extras | None:
    if not any(_extras_of(report)):
        return None
    found: dict[str, Any] = {name: getattr(report, name, None) or None for name in EXTRA_COUNTS}
    return Extras(**found, call_inputs=report.call_inputs, unlisted=report.unlisted)


def _read(total: int | None, parts: int, convention: Convention) -> tuple[int | None, ...]:
    """What a total may mean, likeliest first."""
    if total is None or parts == 0:
        return (total,)
    if parts > total:  # rule 4
        return (total + parts,)
    return (total, total + parts) if convention == "inclusive" else (total + parts, total)


_FILLABLE = (*SentCounts.__struct_fields__[:-1], "input_convention", "output_convention")


def _report_of(sent: SentCounts) -> ReportedUsage:
    return ReportedUsage(
        input_tokens=safe_count(sent.input_tokens),
        output_tokens=safe_count(sent.output_tokens),
        cache_read_tokens=safe_count(sent.cache_read_tokens),
        cache_write_tokens=safe_count(sent.cache_write_tokens),
        reasoning_tokens=safe_count(sent.reasoning_tokens),
        total_tokens=safe_count(sent.total_tokens),
        input_convention=sent.convention,
        output_convention=sent.convention,
    )


def _merge(own: ReportedUsage, report: ReportedUsage) -> ReportedUsage:
    """The provider's report, with the sender's own side where that one tells something else."""
    cached = (report.cache_read_tokens or 0) + (report.cache_write_tokens or 0)
    thought = report.reasoning_tokens or 0
    agree_on_input = own.input_tokens in report.outer_inputs or _agree(
        own.input_tokens, report.input_tokens, cached
    )
    agree_on_output = own.output_tokens in report.outer_outputs or _agree(
        own.output_tokens, report.output_tokens, thought
    )
    changes: dict[str, int | str | None] = {}
    if not agree_on_input:
        changes.update((name, getattr(own, name)) for name in _INPUT_SIDE)
    if not agree_on_output:
        changes.update((name, getattr(own, name)) for name in _OUTPUT_SIDE)
    if not (agree_on_input and agree_on_output):
        changes["total_tokens"] = own.total_tokens
    for name in _FILLABLE:
        if name not in changes and getattr(report, name) is None:
            changes[name] = getattr(own, name)
    return structs.replace(report, **changes) if changes else report


def _agree(own: int | None, reported: int | None, parts: int) -> bool:
    """Whether the provider's total may stand for the sender's (0 is what an SDK starts from)."""
    if not own:
        return True
    return reported is not None and own in (reported, reported + parts)
