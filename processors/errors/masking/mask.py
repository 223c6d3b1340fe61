"""Masks one event by the rules of its project."""

from functools import lru_cache

from processors.errors.masking.walk import Masker
from schemas.errors.masking import DEFAULT_RULES, MaskRules

MAX_RULES = 64
"""For so many sets of rules what is compiled is kept."""


def mask(item: bytes, rules: MaskRules = DEFAULT_RULES) -> bytes:
    """Masks an event or a transaction, which is JSON of Sentry's or Open Sentry's form.

    Returns the same object where nothing was found. What holds nothing to mask stays as it was,
    byte for byte. Masking what is masked changes nothing. Raises `msgspec.DecodeError` where
    something may have to be masked and the item is no JSON.
    """
    return _masker(rules).mask(item)


@lru_cache(MAX_RULES)
def _masker(rules: MaskRules) -> Masker:
    return Masker(rules)
