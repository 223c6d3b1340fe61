"""The usage of a call from the columns of its row: of calls that came without their bodies."""

from typing import NamedTuple

import msgspec
from msgspec import Struct

from processors.llm.cost.usage import Extras, Usage


class Told(Struct, frozen=True, omit_defaults=True):
    """What table `traces` keeps for prices beside its counts."""

    cache_write_1h_tokens: int | None = None
    input_audio_tokens: int | None = None
    output_audio_tokens: int | None = None
    input_image_tokens: int | None = None
    terms: tuple[tuple[str, str], ...] = ()


class Counts(NamedTuple):
    """Those counts of a call that have columns."""

    input_tokens: int | None
    output_tokens: int | None
    cache_read_tokens: int | None
    cache_write_tokens: int | None
    reasoning_tokens: int | None


_NOTHING = Told()
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Told).decode


def encode_told(told: Told) -> bytes:
    """Returns it as JSON, for the column `usage_extras`; empty where there is nothing."""
    return b"" if told == _NOTHING else _encode(told)


def priced_usage(counts: Counts, told: bytes) -> Usage:
    """Returns the usage that prices are asked with, from the columns of a row."""
    more = _decode(told) if told else _NOTHING
    extras = Extras(
        input_audio_tokens=more.input_audio_tokens,
        output_audio_tokens=more.output_audio_tokens,
        input_image_tokens=more.input_image_tokens,
        terms=more.terms,
    )
    return Usage(
        counts.input_tokens,
        counts.output_tokens,
        counts.cache_read_tokens,
        counts.cache_write_tokens,
        more.cache_write_1h_tokens,
        counts.reasoning_tokens,
        None if extras == Extras() else extras,
    )
