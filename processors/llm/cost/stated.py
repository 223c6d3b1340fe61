"""The cost that the answer itself states: what the provider or the gateway charged, in dollars.

What is stated in another currency is not stated: nobody here knows its rate of that day.
"""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Any, TypeGuard

from processors.llm.cost.ai_sdk import METADATA
from processors.llm.cost.answers import Answer

_Object = dict[str, Any]

_TICKS_PER_USD = 10**10
# In the usage object: OpenRouter and Requesty, DeepInfra; in dollars.
_OF_USAGE = ("cost", "estimated_cost", "total_cost")
# Beside it: LiteLLM, Claude Code's result, OpenRouter's generations.
_OF_HOLDER = ("response_cost", "total_cost_usd", "cost_usd", "total_cost")
_HEADERS = ("x-litellm-response-cost", "llm_provider-x-litellm-response-cost")
_HEADER_PLACES = ("headers", "response_headers", "responseHeaders")
_IN_USAGE = frozenset((*_OF_USAGE, "cost_in_usd_ticks"))
_IN_HOLDER = frozenset((*_OF_HOLDER, *_HEADERS, *_HEADER_PLACES, *METADATA, "_hidden_params"))
_MAX_CHARS = 40
# Ticks of a million dollars; more for one call is a broken sender.
_MAX_USD = 10**16


def stated_usd(answer: Answer) -> Decimal | None:
    """The stated cost, with all its digits, or None where none is stated."""
    if isinstance(answer.usage, dict) and not _IN_USAGE.isdisjoint(answer.usage):
        cost = _of_usage(answer.usage)
        if cost is not None:
            return cost
    for holder in answer.holders:
        if not _IN_HOLDER.isdisjoint(holder):
            cost = _of_holder(holder)
            if cost is not None:
                return cost
    return None


def _of_usage(usage: _Object) -> Decimal | None:
    if not _in_usd(usage):
        return None
    ticks = _amount(usage.get("cost_in_usd_ticks"))  # xAI
    if ticks is not None:
        return ticks / _TICKS_PER_USD
    for name in _OF_USAGE:
        value = usage.get(name)
        if isinstance(value, dict):  # Perplexity
            value = value.get("total_cost") if _in_usd(value) else None
        cost = _amount(value)
        if cost is not None:
            upstream = _upstream(usage)
            return None if upstream is None else cost + upstream
    return None


def _in_usd(holder: _Object) -> bool:
    currency = holder.get("currency")
    return currency is None or str(currency).upper() in ("USD", "US$", "$")


def _upstream(usage: _Object) -> Decimal | None:
    """What the sender's own key was charged, where the gateway's cost is only its fee.

    None where that is not told: the fee is not what the call cost.
    """
    if usage.get("is_byok") is not True:
        return Decimal(0)
    details = usage.get("cost_details")
    return _amount(details.get("upstream_inference_cost")) if _is(details) else None


def _of_holder(holder: _Object) -> Decimal | None:
    if not _in_usd(holder):
        return None
    hidden = holder.get("_hidden_params")  # LiteLLM
    for place in (holder, hidden, hidden.get("additional_headers") if _is(hidden) else None):
        if _is(place):
            for name in (*_OF_HOLDER, *_HEADERS):
                if (cost := _amount(place.get(name))) is not None:
                    return cost
    for name in _HEADER_PLACES:
        if _is(headers := holder.get(name)):
            for key, value in headers.items():
                if key.lower() in _HEADERS and (cost := _amount(value)) is not None:
                    return cost
    return _of_metadata(holder)


def _of_metadata(holder: _Object) -> Decimal | None:
    """Vercel's AI SDK: `providerMetadata` with `gateway.cost` or `openrouter.usage.cost`."""
    for name in METADATA:
        if not _is(metadata := holder.get(name)):
            continue
        if _is(gateway := metadata.get("gateway")) and (cost := _amount(gateway.get("cost"))):
            return cost
        if _is(router := metadata.get("openrouter")) and _is(usage := router.get("usage")):
            return _of_usage(usage)
    return None


def _amount(value: object) -> Decimal | None:
    if (
        type(value) is bool
        or not isinstance(value, int | float | str)
        or len(text := str(value)) > _MAX_CHARS
    ):
        return None
    try:
        amount = Decimal(text)
    except InvalidOperation:
        return None
    return amount if amount.is_finite() and 0 <= amount <= _MAX_USD else None


def _is(value: object) -> TypeGuard[_Object]:
    return isinstance(value, dict)
