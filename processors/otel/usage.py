"""Token counts as prices need them: inclusive totals, whatever a sender counts.

The rules, in their order:

1. An attribute of its own counts before an object of counts; within both, `names.toml`'s order.
2. With a total that the provider gave, the reading that adds up to it is right.
3. Parts larger than the whole prove that the whole excludes them.
4. What the flavour says that its totals include; it may say otherwise for some providers.
5. What is likely of an object of counts, else that totals include their parts ("assumed").
"""

from typing import NamedTuple

from processors.otel.names import Convention, CountsObject
from processors.otel.plain import at, count_of, counts_object
from processors.otel.reading import Reading
from schemas.otel.meanings import Semantics, Usage

_PARTS_OF_WRITE = ("cache_write_5m_tokens", "cache_write_1h_tokens")
Counts = dict[str, int]


class Told(NamedTuple):
    """The counts as they were sent, and what is said of their totals."""

    counts: Counts
    declared: Convention | None
    likely: Convention
    output: Convention
    trusts_total: bool


class Settled(NamedTuple):
    """Inclusive usage, how it is known to be that, and whether writes are assumed to be for 1 h."""

    usage: Usage
    semantics: Semantics
    writes_assumed: bool = False


def read_usage(reading: Reading, provider: str | None) -> Settled | None:
    """Reads the usage of a span; `None` where it counts nothing."""
    told = _told(reading, provider)
    if told.counts.keys().isdisjoint(("input_tokens", "output_tokens", "total_tokens")):
        return None
    counts = told.counts
    written = counts.get("cache_write_tokens")
    if not reading.flavour.writes_for_1h or not written or counts.keys() & set(_PARTS_OF_WRITE):
        return settle(told)
    counts["cache_write_1h_tokens"] = written
    return settle(told)._replace(writes_assumed=True)


def settle(told: Told) -> Settled:
    """Makes totals inclusive."""
    counts = told.counts
    cached = counts.get("cache_read_tokens", 0) + counts.get("cache_write_tokens", 0)
    into, semantics = _input(told, cached)
    return Settled(
        Usage(
            input_tokens=into,
            output_tokens=_output(told, into),
            cache_read_tokens=counts.get("cache_read_tokens"),
            cache_write_tokens=counts.get("cache_write_tokens"),
            cache_write_1h_tokens=counts.get("cache_write_1h_tokens"),
            reasoning_tokens=counts.get("reasoning_tokens"),
            input_audio_tokens=counts.get("input_audio_tokens"),
            output_audio_tokens=counts.get("output_audio_tokens"),
            input_image_tokens=counts.get("input_image_tokens"),
        ),
        semantics,
    )


def _input(told: Told, cached: int) -> tuple[int | None, Semantics]:
    sent = told.counts.get("input_tokens")
    if sent is None:
        # An embedding may count its total alone; a call that read all from a cache, its cache.
        return told.counts.get("total_tokens", cached or None), "declared"
    if not cached:
        return sent, "declared"
    readings = [one for one in (sent, sent + cached) if one >= cached]
    found = _adding_up(told, readings)
    if found is None and len(readings) > 1:
        if told.declared is None:
            return sent + (cached if told.likely == "exclusive" else 0), "assumed"
        return sent + (cached if told.declared == "exclusive" else 0), "declared"
    into = readings[0] if found is None else found
    says = "exclusive" if into > sent else "inclusive"
    return into, "declared" if told.declared == says else "inferred"


def _adding_up(told: Told, readings: list[int]) -> int | None:
    """The reading of the input with which a total that the provider gave is the sum."""
    total = told.counts.get("total_tokens") if told.trusts_total else None
    if total is None:
        return None
    out = told.counts.get("output_tokens", 0)
    outs = (out, out + told.counts.get("reasoning_tokens", 0))
    return next((one for one in readings if total - one in outs), None)


def _output(told: Told, into: int | None) -> int | None:
    sent = told.counts.get("output_tokens")
    thought = told.counts.get("reasoning_tokens", 0)
    if sent is None or not thought:
        return sent
    if thought > sent:
        return sent + thought
    total = told.counts.get("total_tokens") if told.trusts_total else None
    if total is not None and into is not None and total - into in (sent, sent + thought):
        return total - into
    return sent + (thought if told.output == "exclusive" else 0)


def _told(reading: Reading, provider: str | None) -> Told:
    names, flavour = reading.names, reading.flavour
    counts: Counts = {}
    for field, present in reading.present.counts.items():
        found = reading.first_of(present, count_of)
        if found is not None:
            counts[field] = found
    declared: Convention | None = flavour.usage
    likely: Convention = "inclusive"
    output: Convention = "inclusive"
    has_own_input = "input_tokens" in counts
    for one in names.object:
        if one.attribute not in reading.attributes:
            continue
        if _fill(reading, one, counts) and not has_own_input and "input_tokens" in one.counts:
            declared = one.usage if not one.guessed else declared
            likely = (one.usage or likely) if one.guessed else likely
            output = one.usage_output or (likely if one.guessed else output)
    trusts_total = not flavour.own_total
    if provider in flavour.exclusive_for:
        says = any(name in reading.attributes for name in flavour.says_inclusive)
        declared = "inclusive" if says else "exclusive"
    _join_writes(counts)
    return Told(counts, declared, likely, output, trusts_total)


def _fill(reading: Reading, one: CountsObject, counts: Counts) -> bool:
    """Adds the counts of an object that are not known yet; whether there were any."""
    held = counts_object(reading.attributes[one.attribute])
    has_any = False
    for field, paths in one.counts.items():
        for path in paths:
            found = count_of(at(held, path))
            if found is not None and field not in counts:
                counts[field] = found
                has_any = True
    if has_any:
        reading.take(one.attribute)
    return has_any


def _join_writes(counts: Counts) -> None:
    parts = counts.get("cache_write_5m_tokens", 0) + counts.get("cache_write_1h_tokens", 0)
    if parts and counts.get("cache_write_tokens", 0) < parts:
        counts["cache_write_tokens"] = parts
