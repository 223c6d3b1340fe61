"""What names of senders mean: prefixes, paths, regions, variants, fine-tuned and local models."""

from __future__ import annotations

import pytest

from processors.llm.cost.match import RULES, Matcher
from tests.unit.processors.cost.compiled import compiled_table

MATCHER = Matcher(compiled_table())

KNOWN = [
    # Gateways and SDKs write the vendor before a slash.
    ("openai", "openai/gpt-4.1", "openai", "gpt-4.1", "prefix"),
    ("litellm", "mistral/mistral-large-2411", "mistral", "mistral-large", "prefix"),
    ("litellm_proxy", "xai/grok-3-latest", "x-ai", "grok-3", "prefix"),
    ("vercel", "openai/gpt-4.1-mini", "openai", "gpt-4.1-mini", "prefix"),
    ("openai", "groq/llama-3.1-8b-instant", "groq", "llama-3.1-8b-instant", "prefix"),
    ("openai", "openrouter/openai/gpt-4.1", "openrouter", "openai/gpt-4.1", "prefix"),
    ("anthropic", "anthropic/claude-sonnet-4.5", "anthropic", "claude-sonnet-4-5", "prefix"),
    (None, "github-copilot/gpt-4.1", "github-copilot", "gpt-4.1", "prefix"),
    (None, "openai/gpt-5.4-mini", "openai", "gpt-5.4-mini", "prefix"),
    ("openai", "team-a/gpt-4.1", "openai", "gpt-4.1", "unknown_prefix"),
    (" OpenAI ", "GPT-4.1", "openai", "gpt-4.1", "list"),
    ("mistral_ai", "mistral-large-2411", "mistral", "mistral-large", "list"),
    # Google's resource names, and Vertex AI's versions.
    ("google", "models/gemini-2.5-flash", "google", "gemini-2.5-flash", "path"),
    (
        "gcp.vertex_ai",
        "projects/p/locations/europe-west1/publishers/google/models/gemini-2.5-pro",
        *("google", "gemini-2.5-pro", "path"),
    ),
    (
        "vertex_ai",
        "publishers/anthropic/models/claude-sonnet-4-5@20250929",
        *("google", "claude-sonnet-4-5", "path"),
    ),
    (None, "claude-opus-4-1@20250805", "google", "claude-4-opus", "vertex_name"),
    (None, "google-vertex/gemini-2.5-pro", "google", "gemini-2.5-pro", "prefix"),
    # Bedrock: regions, profiles, ARNs.
    (
        None,
        "eu.anthropic.claude-haiku-4-5-20251001-v1:0",
        *("aws", "regional.anthropic.claude-haiku-4-5-20251001-v1:0", "bedrock_name"),
    ),
    (
        "anthropic",
        "global.anthropic.claude-haiku-4-5-20251001-v1:0",
        *("aws", "global.anthropic.claude-haiku-4-5-20251001-v1:0", "bedrock_name"),
    ),
    (
        "aws.bedrock",
        "arn:aws:bedrock:us-west-2:123456789012:inference-profile/us.amazon.nova-pro-v1:0",
        *("aws", "amazon.nova-pro-v1:0", "arn"),
    ),
    (
        "aws",
        "arn:aws:bedrock:us-east-1::foundation-model/meta.llama3-3-70b-instruct-v1:0",
        *("aws", "meta.llama3-3-70b-instruct-v1:0", "arn"),
    ),
    (
        "litellm",
        "bedrock/converse/us.amazon.nova-lite-v1:0",
        *("aws", "amazon.nova-lite-v1:0", "prefix"),
    ),
    (
        "litellm",
        "bedrock/converse/arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.amazon.nova-pro-v1:0",
        *("aws", "amazon.nova-pro-v1:0", "prefix"),
    ),
    # Azure.
    ("azure_openai", "openai/gpt-4.1", "openai", "gpt-4.1", "prefix"),
    ("azure", "anthropic/claude-opus-4-8", "anthropic", "claude-opus-4-8", "prefix"),
    ("azure", "gpt-35-turbo-16k", "openai", "gpt-3.5-turbo-16k", "list"),
    ("azure_openai", "gpt-35-turbo-instruct", "openai", "gpt-3.5-turbo-instruct", "azure_name"),
    ("openai", "azure/gpt-4.1", "openai", "gpt-4.1", "prefix"),
    ("azure", "azure/global-standard/gpt-4.1", "openai", "gpt-4.1", "prefix"),
    ("azure.ai.openai", "gpt-4.1", "openai", "gpt-4.1", "list"),
    # OpenRouter's variants.
    ("openrouter", "openai/gpt-4.1:floor", "openrouter", "openai/gpt-4.1", "route"),
    ("openrouter", "openai/gpt-4.1:exacto", "openrouter", "openai/gpt-4.1", "route"),
    ("openrouter", "openai/gpt-4o:extended", "openrouter", "openai/gpt-4o:extended", "list"),
    ("openrouter", "nobody/new-model:free", "openrouter", "openrouter/free", "free"),
    (None, "openrouter/nobody/new-model:free", "openrouter", "openrouter/free", "free"),
    # Versions.
    ("openai", "gpt-4.1-nano-2027-02-03", "openai", "gpt-4.1-nano", "version"),
    ("openai", "gpt-5-mini-latest", "openai", "gpt-5-mini", "version"),
    # Fine-tuned models have entries of their own.
    ("openai", "ft:gpt-4.1-nano-2025-04-14:org::x1", "openai", "ft:gpt-4.1-nano", "list"),
    (None, "ft:gpt-4o-2024-08-06:org:name:x1:ckpt-step-90", "openai", "ft:gpt-4o", "list"),
    ("litellm", "openai/ft:o4-mini-2025-04-16:org::x1", "openai", "ft:o4-mini", "prefix"),
    ("azure", "gpt-4o-mini-2024-07-18.ft-0a1", "openai", "gpt-4o-mini-2024-07-18.ft-", "list"),
]

UNKNOWN = [
    # One's own machines.
    ("ollama", "llama3:8b"),
    ("ollama", "gpt-oss-20b"),
    ("openai", "ollama/gpt-oss-20b"),
    ("openai", "hosted_vllm/gpt-oss-120b"),
    ("openai-compatible", "gpt-4.1"),
    ("my-vllm-openai", "gpt-4.1"),
    (None, "gpt-oss:20b"),
    (None, "deepseek-r1:14b"),
    (None, "mistral-small:latest"),
    # Models made of others.
    ("openai", "ft:gpt-99:org::x1"),
    ("mistral", "ft:magistral-medium-2506:org::x1"),
    ("azure", "o4-mini-2025-04-16.ft-0a1"),
    ("deepseek", "deepseek-r1-distill-qwen-32b"),
    ("anthropic", "claude-3-haiku-finetuned"),
    ("google", "gemma-3-27b-it-q4_k_m"),
    ("aws", "arn:aws:bedrock:us-east-1:1:custom-model/amazon.titan-text-express-v1:0/abc"),
    ("aws", "arn:aws:bedrock:us-east-1:1:provisioned-model/amazon.nova-pro-v1"),
    ("aws", "arn:aws:bedrock:us-east-1:1:application-inference-profile/abc123"),
    ("google", "projects/p/locations/us-central1/endpoints/123"),
    ("google", "tunedModels/gemini-1.5-flash-abc"),
    # Places and variants with prices of their own.
    ("anthropic", "claude-opus-4-8-fast"),
    ("vercel", "anthropic/claude-opus-5-fast"),
    ("litellm", "bedrock/arn:aws:bedrock:eu-west-1::foundation-model/amazon.nova-pro-v1:0"),
    ("azure", "deepseek/deepseek-v3.2"),
    ("aws", "bedrock/us-gov-west-1/anthropic.claude-3-haiku-20240307-v1:0"),
    ("azure", "azure/eu/gpt-4.1"),
    ("openrouter", "openai/gpt-4.1:online"),
    ("openrouter", "openai/gpt-4.1:thinking"),
    ("openrouter", "openrouter/auto"),
    # Names that nobody knows.
    ("openai", "team-a/gpt-4.1-pro-max"),
    ("anthropic", "team-a/claude-3-haiku-mine"),
    ("openrouter", "nobody/gpt-4o"),
    ("nobody", "openai/gpt-4.1"),
    ("azure", "our-deployment"),
    ("openai", ""),
    ("", "gpt-4.1"),
    (None, "/"),
]


@pytest.mark.parametrize(("provider", "model", "seller", "listed", "rule"), KNOWN)
def test_a_name_of_the_field_means_the_model_behind_it(
    provider: str | None, model: str, seller: str, listed: str, rule: str
) -> None:
    found = MATCHER.find(provider, model)

    assert found is not None
    assert (found.provider_id, found.model.id, found.rule) == (seller, listed, rule)
    assert found.rule in RULES


@pytest.mark.parametrize(("provider", "model"), UNKNOWN)
def test_what_is_not_surely_a_listed_model_is_unknown(provider: str | None, model: str) -> None:
    assert MATCHER.find(provider, model) is None
