"""Makes counts consistent before they are charged: no part is more than its whole.

Counts that are consistent pass unchanged, whatever a rate does not name is left out. The rest has
one rule each:
1. A total that is absent is the sum of its parts.
2. A part is cut to what its total has left, in the order of the fields.
3. A one-hour cache write without a cache write counts as the whole cache write.
4. The overlap of cached and audio (or image) tokens is as small as the total allows.
"""

from __future__ import annotations

from operator import attrgetter

from processors.llm.cost.table import COUNTERS, Rate
from processors.llm.cost.usage import EXTRA_COUNTS, Extras, Usage

_OUTPUT_PARTS = (
    "reasoning_tokens",
    "output_audio_tokens",
    "output_image_tokens",
    "output_video_tokens",
    "citation_tokens",
)
_MODAL_INPUT = ("input_audio_tokens", "input_image_tokens", "input_video_tokens")
_BITS = tuple(1 << bit for bit in range(len(COUNTERS)))
_plain_counts = attrgetter(*Usage.__struct_fields__[:-1])
_extra_counts = attrgetter(*EXTRA_COUNTS)
_NO_EXTRAS = Extras()


def counts_of(usage: Usage) -> tuple[int, ...]:
    """Every count in the order of COUNTERS, 0 where it is unknown."""
    counts = (*_plain_counts(usage), *_extra_counts(usage.extras or _NO_EXTRAS))
    return tuple(count or 0 for count in counts)


def total_input(usage: Usage) -> int:
    """The input tokens, or what their parts add up to when the sender left them out."""
    if usage.input_tokens is not None:
        return usage.input_tokens
    cached = (usage.cache_read_tokens or 0) + _cache_write(usage)
    extras = usage.extras or _NO_EXTRAS
    modal = sum(getattr(extras, name) or 0 for name in _MODAL_INPUT)
    return max(cached, modal)


def total_output(usage: Usage) -> int:
    """The output tokens, or what their parts add up to when the sender left them out."""
    if usage.output_tokens is not None:
        return usage.output_tokens
    counts = dict(zip(COUNTERS, counts_of(usage), strict=True))
    return sum(counts[name] for name in _OUTPUT_PARTS)


def fit_counts(usage: Usage, rate: Rate) -> tuple[int, ...]:
    """The counts in the order of COUNTERS, consistent among those that the rate names."""
    sent = zip(COUNTERS, counts_of(usage), _BITS, strict=True)
    counts = {name: count if rate.priced & bit else 0 for name, count, bit in sent}
    counts["input_tokens"] = total_input(usage)
    counts["output_tokens"] = total_output(usage)
    if counts["cache_write_tokens"] == 0 and usage.cache_write_tokens is None:
        counts["cache_write_tokens"] = counts["cache_write_1h_tokens"]
    if rate.search_once:
        counts["web_searches"] = min(1, counts["web_searches"])
    _fit_output(counts)
    _fit_input(counts)
    return tuple(counts.values())


def lacking_rates(usage: Usage, rate: Rate) -> tuple[str, ...]:
    """What was counted and has neither a rate of its own nor that of its whole."""
    sent = zip(COUNTERS, counts_of(usage), _BITS, strict=True)
    return tuple(name for name, count, bit in sent if count and not rate.known & bit)


def _cache_write(usage: Usage) -> int:
    if usage.cache_write_tokens is None:
        return usage.cache_write_1h_tokens or 0
    return usage.cache_write_tokens


def _fit_output(counts: dict[str, int]) -> None:
    _share_out(counts, counts["output_tokens"], _OUTPUT_PARTS)


def _fit_input(counts: dict[str, int]) -> None:
    total = counts["input_tokens"]
    _share_out(counts, total, ("cache_read_tokens", "cache_write_tokens"))
    _share_out(counts, counts["cache_write_tokens"], ("cache_write_1h_tokens",))
    _share_out(counts, total, ("input_audio_tokens", "input_image_tokens", "input_video_tokens"))
    _share_out(counts, counts["input_audio_tokens"], ("cache_audio_read_tokens",))
    _share_out(counts, counts["input_image_tokens"], ("cache_image_read_tokens",))
    overlaps = ("cache_audio_read_tokens", "cache_image_read_tokens")
    _share_out(counts, counts["cache_read_tokens"], overlaps)
    excess = _union(counts) - total
    for overlap, modal in zip(overlaps, ("input_audio_tokens", "input_image_tokens"), strict=True):
        cached_elsewhere = sum(counts[other] for other in overlaps if other != overlap)
        room = min(counts[modal], counts["cache_read_tokens"] - cached_elsewhere) - counts[overlap]
        grown = max(0, min(excess, room))
        counts[overlap] += grown
        excess -= grown
    if excess > 0:  # no overlap explains it: charge the cached split alone
        counts.update(dict.fromkeys((*overlaps, *_MODAL_INPUT), 0))


def _union(counts: dict[str, int]) -> int:
    whole = ("cache_read_tokens", "cache_write_tokens", *_MODAL_INPUT)
    twice = ("cache_audio_read_tokens", "cache_image_read_tokens")
    return sum(counts[name] for name in whole) - sum(counts[name] for name in twice)


def _share_out(counts: dict[str, int], left: int, parts: tuple[str, ...]) -> None:
    for part in parts:
        counts[part] = min(counts[part], left)
        left -= counts[part]
