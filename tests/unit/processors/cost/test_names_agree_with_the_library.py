"""Which price list entry a provider and a model name mean, against genai-prices.

We know more names (`test_names`), and what the library only guesses is unknown to us.
"""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processors.llm.cost.match import Matcher
from tests.unit.processors.cost.compiled import compiled_table
from tests.unit.processors.cost.library import ADDED, library_entry, listed_models

SEED = 20251121
TABLE = compiled_table()
MATCHER = Matcher(TABLE)
MODELS = tuple(listed_models(TABLE))
PROVIDERS = (
    *(provider.id for provider in TABLE.providers),
    *(None, "", "litellm", "LiteLLM", " OpenAI ", "gcp.vertex_ai", "aws.bedrock", "xai", "nobody"),
    *("azure_openai", "together-ai", "huggingface/novita", "copilot", "Google-Gemini"),
)
PREFIXES = (
    "",
    "models/",
    "openai/",
    "anthropic/",
    "azure/",
    "google/",
    "eu.",
    "~",
    "x",
    "bedrock/",
)
SUFFIXES = (
    *("", "-latest", ":free", ":batch", "-20251211", "-2025-12-11", "-20250230", "-20251211:free"),
    *("@20250219", "-preview", "-v1:0", "-x", " ", "-001", "-20251211-20251212", "é"),
)


def our_entry(provider: str | None, model: str) -> tuple[str, str] | None:
    entry = MATCHER.find(provider, model)
    return None if entry is None else (entry.provider_id, entry.model.id)


FREE = ("openrouter", "openrouter/free")


def test_every_listed_name_means_the_same_model_with_its_provider() -> None:
    for provider in TABLE.providers:
        for name in provider.equals:
            ours = our_entry(provider.id, name)
            assert ours in {library_entry(provider.id, name), *ADDED}


@pytest.mark.parametrize("provider_name", [None, "azure"])
def test_a_listed_name_means_the_same_model_without_its_provider_or_none(
    provider_name: str | None,
) -> None:
    unknown = 0

    for provider in TABLE.providers:
        for name in provider.equals:
            theirs = library_entry(provider_name, name)
            ours = our_entry(provider_name, name)
            if theirs is None or ours == theirs or ours in ADDED:
                continue
            assert ours is None or (ours == FREE and name.endswith(":free")), name
            unknown += 1

    assert unknown < 40


def test_a_listed_name_bent_at_random_means_the_same_model_or_none() -> None:
    rng = random.Random(SEED)
    same = unknown = 0

    for listed in MODELS:
        for _ in range(4):
            name = listed.name
            bent = (
                rng.choice(PREFIXES) + name,
                name + rng.choice(SUFFIXES),
                rng.choice(PREFIXES) + name + rng.choice(SUFFIXES),
                name.upper(),
                name[: rng.randint(0, len(name))],
            )
            name = rng.choice(bent)
            provider = rng.choice((listed.provider_id, listed.provider_id, rng.choice(PROVIDERS)))
            theirs = library_entry(provider, name.strip())
            ours = our_entry(provider, name)
            if theirs is None or ours in ADDED:
                continue
            assert ours in (theirs, None, FREE), (provider, name)
            same += ours == theirs
            # A region with a price of its own is unknown on purpose.
            unknown += ours != theirs and MATCHER.why_unknown(provider, name) != "custom"

    assert same > 1_500
    assert unknown < same / 50


@settings(max_examples=500, deadline=None, derandomize=True)
@given(provider=st.sampled_from(PROVIDERS) | st.text(max_size=12), model=st.text(max_size=30))
def test_any_text_means_the_same_model_or_none(provider: str | None, model: str) -> None:
    assert our_entry(provider, model) in {library_entry(provider, model), None, *ADDED}


@pytest.mark.parametrize(
    ("provider", "model", "entry"),
    [
        ("openai", "gpt-4o-2024-11-20", ("openai", "gpt-4o")),
        ("azure", "gpt-4o", ("openai", "gpt-4o")),
        ("openrouter", "openai/gpt-4o", ("openrouter", "openai/gpt-4o")),
        ("litellm", "anthropic/claude-sonnet-4-5", ("anthropic", "claude-sonnet-4-5")),
        (None, "claude-sonnet-4-5", ("anthropic", "claude-sonnet-4-5")),
        ("nobody", "gpt-4o", None),
        ("openai", "no-such-model", None),
    ],
)
def test_a_call_is_found_in_the_list_of_whoever_sold_it(
    provider: str | None, model: str, entry: tuple[str, str] | None
) -> None:
    assert our_entry(provider, model) == entry
