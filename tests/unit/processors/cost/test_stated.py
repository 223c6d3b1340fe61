"""The cost that the provider or the gateway itself states."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from processors.llm.cost.call import read_call
from schemas.llm.wire import Counts

CHAT = {"prompt_tokens": 1000, "completion_tokens": 1000, "total_tokens": 2000}


def stated(response: bytes) -> Decimal | None:
    return read_call(Counts(None, None, None, None, None), b"{}", response).stated_usd


@pytest.mark.parametrize(
    ("response", "usd"),
    [
        # https://openrouter.ai/docs/guides/usage-accounting
        ({"usage": {**CHAT, "cost": 0.0099}}, "0.0099"),
        ({"usage": {**CHAT, "cost": 0}}, "0"),
        (
            {
                "usage": {
                    **CHAT,
                    "cost": 0.95,
                    "is_byok": False,
                    "cost_details": {"upstream_inference_cost": 19},
                }
            },
            "0.95",
        ),
        (
            {
                "usage": {
                    **CHAT,
                    "cost": 0.05,
                    "is_byok": True,
                    "cost_details": {"upstream_inference_cost": 1.25},
                }
            },
            "1.30",
        ),
        ({"chunks": [{"choices": []}, {"usage": {**CHAT, "cost": 0.5}}]}, "0.5"),
        ({"data": {"native_tokens_prompt": 5, "total_cost": 0.0015}}, "0.0015"),
        # https://docs.perplexity.ai/docs/sonar/quickstart
        ({"usage": {**CHAT, "cost": {"request_cost": 0.005, "total_cost": 0.006}}}, "0.006"),
        # https://deepinfra.com/docs/openai_api
        ({"usage": {**CHAT, "estimated_cost": 0.00000268}}, "0.00000268"),
        # https://docs.x.ai/developers/cost-tracking: 10^10 ticks are a dollar.
        ({"usage": {**CHAT, "cost_in_usd_ticks": 37756000}}, "0.0037756"),
        # https://docs.litellm.ai/docs/completion/token_usage
        ({"usage": CHAT, "_hidden_params": {"response_cost": 0.00033}}, "0.00033"),
        ({"usage": CHAT, "headers": {"X-LiteLLM-Response-Cost": "2.85e-05"}}, "0.0000285"),
        (
            {
                "usage": CHAT,
                "_hidden_params": {"additional_headers": {"x-litellm-response-cost": "0.5"}},
            },
            "0.5",
        ),
        # https://vercel.com/docs/ai-gateway
        ({"usage": CHAT, "providerMetadata": {"gateway": {"cost": "0.0045405"}}}, "0.0045405"),
        # https://openrouter.ai/docs/guides/community/vercel-ai-sdk
        (
            {"usage": CHAT, "providerMetadata": {"openrouter": {"usage": {"cost": 0.0015}}}},
            "0.0015",
        ),
        # https://code.claude.com/docs/en/headless
        ({"type": "result", "total_cost_usd": 0.003, "usage": CHAT}, "0.003"),
    ],
)
def test_a_stated_cost_is_read_with_all_its_digits(response: dict[str, Any], usd: str) -> None:
    assert stated(msgspec.json.encode(response)) == Decimal(usd)


@pytest.mark.parametrize(
    "cost", ["null", "true", '"free"', "-0.5", '"NaN"', '"1e999999999"', "[1]", '"Infinity"']
)
def test_what_is_no_amount_is_not_stated(cost: str) -> None:
    assert stated(b'{"usage":{"prompt_tokens":5,"cost":%s}}' % cost.encode()) is None


def test_an_answer_without_a_cost_states_none() -> None:
    assert stated(msgspec.json.encode({"usage": CHAT})) is None
