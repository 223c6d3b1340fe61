"""What model and provider names of senders may mean, before any list is asked. Pure: text to text.

The rules, with who writes names so:

1. Runtimes on your own machine (Ollama, vLLM, LM Studio, "openai-compatible") have no price.
2. A gateway that adds nothing to the price (LiteLLM, Vercel, Portkey, Helicone) sells what the
   vendor before the first slash sells; without one, what the model's name claims.
3. LiteLLM, opencode, Vercel, OpenRouter: "vendor/model". The seller itself is cut off; another one
   sells the call instead where the sender names OpenAI or Anthropic (whose SDKs are often pointed
   elsewhere) or nobody. A prefix that nobody knows is cut off only before a name that stands in the
   list as it is.
4. Google: "models/M", "publishers/P/models/M", "projects/…/publishers/P/models/M", "M@VERSION".
5. Bedrock: "arn:aws:bedrock:R:A:inference-profile/M", "bedrock/converse/M", "bedrock/REGION/M",
   "us.VENDOR.M". Custom, imported and provisioned models, and GovCloud, have prices of their own;
   so has a model outside of the USA, unless the list has a price for its region.
6. Azure: "gpt-35-turbo" is gpt-3.5-turbo; "azure/global/M" is M; "us/M" and "eu/M" cost more.
7. OpenRouter: ":nitro", ":floor" and ":exacto" choose a route; ":free" and openrouter/free cost 0.
8. A date, "-latest" or "@version" at the end is cut off where the rest stands in the list as it is.
9. Fine-tuned ("ft:M:ORG::ID", "M.ft-ID"), distilled and quantised models are no M, nor are Ollama's
   tags ("M:8b"), nor what says how it is served ("M-fast").
"""

from __future__ import annotations

import re
from typing import NamedTuple

LOCAL = "local"
"""Stands for a runtime on your own machine, which no list prices."""
GATEWAY = "gateway"
"""Stands for a gateway that adds nothing to the vendor's price."""

# Written in a trace's provider or before a model's slash, in lower case with "-" for "_" and ".".
_SELLERS = {
    "ai-gateway": GATEWAY,
    "vercel": GATEWAY,
    "vercel-ai-gateway": GATEWAY,
    "gateway": GATEWAY,
    "litellm": GATEWAY,
    "litellm-proxy": GATEWAY,
    "portkey": GATEWAY,
    "helicone": GATEWAY,
    "cloudflare-ai-gateway": GATEWAY,
    "az-ai-openai": "azure",
    "az-ai-inference": "azure",
    "azure": "azure",
    "azure-ai": "azure",
    "azure-ai-foundry": "azure",
    "azure-ai-inference": "azure",
    "azure-ai-openai": "azure",
    "azure-openai": "azure",
    "azure-openai-responses": "azure",
    "azure-text": "azure",
    "amazon": "aws",
    "amazon-bedrock": "aws",
    "aws": "aws",
    "aws-bedrock": "aws",
    "bedrock": "aws",
    "bedrock-converse": "aws",
    "bedrock-mantle": "aws",
    "anthropic": "anthropic",
    "cerebras": "cerebras",
    "cohere": "cohere",
    "cohere-chat": "cohere",
    "deepseek": "deepseek",
    "fireworks": "fireworks",
    "fireworks-ai": "fireworks",
    "gcp-gemini": "google",
    "gcp-gen-ai": "google",
    "gcp-vertex-ai": "google",
    "gemini": "google",
    "google": "google",
    "google-ai": "google",
    "google-ai-studio": "google",
    "google-genai": "google",
    "google-vertex": "google",
    "google-vertex-anthropic": "google",
    "googleai": "google",
    "vertex": "google",
    "vertex-ai": "google",
    "vertex-ai-beta": "google",
    "vertexai": "google",
    "github-copilot": "github-copilot",
    "groq": "groq",
    "mistral": "mistral",
    "mistral-ai": "mistral",
    "mistralai": "mistral",
    "moonshot": "moonshotai",
    "moonshotai": "moonshotai",
    "moonshot-ai": "moonshotai",
    "novita": "novita",
    "novita-ai": "novita",
    "openai": "openai",
    "text-completion-openai": "openai",
    "openrouter": "openrouter",
    "perplexity": "perplexity",
    "together": "together",
    "together-ai": "together",
    "togetherai": "together",
    "voyage": "voyageai",
    "voyageai": "voyageai",
    "x-ai": "x-ai",
    "xai": "x-ai",
    "z-ai": "zai",
    "zai": "zai",
    "zhipu": "zhipuai",
    "zhipuai": "zhipuai",
    "minimax": "minimax",
    "baseten": "baseten",
    "cloudflare": "cloudflare",
    "databricks": "databricks",
    "elevenlabs": "elevenlabs",
    "ovhcloud": "ovhcloud",
}
_LOCAL = re.compile(
    r"ollama|vllm|lm-?studio|llama-?cpp|llama-?file|localai|xinference|sglang|text-generation|\btgi\b"
    r"|self-?hosted|on-?prem|\blocal\b|localhost|(?:openai|anthropic)-?(?:like|compat)|custom-openai"
)
VENDORS = frozenset({"openai", "anthropic"})
"""Whose SDKs call others too: senders name them for the SDK in use, wherever it is pointed."""
_MAKERS = VENDORS | {
    *("azure", "google", "deepseek", "mistral", "x-ai", "cohere", "moonshotai", "perplexity"),
    *("zai", "zhipuai", "minimax"),
}
"""Whose own names have no slash. With the others, what stands before one is part of the name."""

_GOOGLE_PATH = re.compile(
    r"^(?:projects/[^/]+/locations/[^/]+/)?publishers/([^/]+)/models/([^/]+)$|^models/([^/]+)$"
)
_BEDROCK_ARN = re.compile(
    r"^arn:aws(?:-cn)?:bedrock:[^:]*:\d*:(?:foundation-model|inference-profile)/(.+)$"
)
_BEDROCK_PATH = re.compile(r"^(?:(?:converse|invoke|converse_like|[a-z]{2}-[a-z]+-\d)/)+")
_BEDROCK_NAME = re.compile(
    r"^(?:(?:global|us|eu|apac|jp|au|ca|sa|in|uk)\.)?(?:anthropic|amazon|meta|mistral|cohere|ai21"
    r"|deepseek|openai|qwen|writer|nvidia|moonshotai|minimax|zai|google)\.[a-z]"
)
_REGION = re.compile(r"^(?:us|eu|apac|jp|au|ca|sa|in|uk)\.(?=[a-z0-9]+\.)")
_LISTED_REGION = re.compile(r"^(?:regional|global|us|eu|apac|jp|au|ca|sa|in|uk)\.")
_ELSEWHERE = re.compile(
    r"(?:^|/)(?:eu|apac|jp|au|ca|sa|in|uk)\.(?=[a-z0-9]+\.)|(?:^|/)(?!us-)[a-z]{2}-[a-z]+-\d/"
    r"|(?:^|/)arn:aws[a-z-]*:bedrock:(?!us-|:)"
)
_OWN_PRICE = re.compile(
    r"(?:custom|imported|provisioned)-model|us-gov|tunedmodels/|/endpoints/\d"
    r"|^(?:azure/)?(?:us|eu)/"  # Azure's data zones, as LiteLLM writes them
    r"|/locations/(?!global/)[^/]+/publishers/anthropic/"  # a tenth more, for later models
    r"|^(?:openai/)?ft:gpt-4-0"  # the list has the price of the model that it is made of
)
_CONTEXT = "[1m]"
"""How Claude Code marks a model with a long context, which changes no price."""
_ROUTES = re.compile(r":(?:nitro|floor|exacto)$")
_VERSION = re.compile(
    r"(?:-20\d{2}-(?:0[1-9]|1[0-2])-(?:[0-2]\d|3[01])|-20\d{2}(?:0[1-9]|1[0-2])(?:[0-2]\d|3[01])"
    r"|@(?:20\d{6}|default|latest)|-latest|:latest)$"
)
_TAG = re.compile(r"^(?!ft:)[^:]*:(?!\d+(?::(?:\d+k|mm))?$)(.+)$")
_OTHER_MODEL = re.compile(
    r"^ft:|[.:_-]ft[-:]"
    r"|distil|finetune|fine-tune|(?:^|[-_./])(?:lora|gguf|ggml|awq|gptq|mlx|abliterated|uncensored"
    r"|quantized|q\d_\w+|int4|int8|fp4|fast|turbo|batch|flex|priority)(?:$|[-_./:])"
)


class Reading(NamedTuple):
    """One thing that a name may mean."""

    seller: str | None  # a provider's id; None: whoever claims the model
    model: str
    rule: str  # a word of `match.RULES`
    is_literal: bool = False  # only a name that stands in the list as it is counts


def seller_of(name: str) -> str | None:
    """The provider's id, `GATEWAY` or `LOCAL` that a name means; None: the lists are asked."""
    plain = re.sub(r"[_. ]+", "-", name.lower().strip())
    if seller := _SELLERS.get(plain):
        return seller
    return LOCAL if _LOCAL.search(plain) else None


def is_free(seller: str | None, model: str) -> bool:
    """Whether OpenRouter gives the model away."""
    if model in ("openrouter/free", "openrouter/openrouter/free"):
        return True
    if model.endswith(":free"):
        return seller == "openrouter" or "/" in model and seller in (None, *VENDORS)
    return seller == "openrouter" and model == "free"


def has_own_price(model: str) -> bool:
    """Whether it is known to cost something else than the model that it is named after."""
    return _OWN_PRICE.search(model) is not None


def is_elsewhere(model: str, listed_id: str) -> bool:
    """Whether Bedrock sold a call in another region than those that the listed price is for."""
    return _ELSEWHERE.search(model) is not None and not _LISTED_REGION.match(listed_id)


def plain_name(model: str) -> str:
    """The name as lists are asked for it: in lower case, without what changes no price."""
    return model.lower().strip().removesuffix(_CONTEXT)


def is_custom(model: str) -> bool:
    """Whether a name says that its model is made of another one, or stands at a special place."""
    found = (_OWN_PRICE, _OTHER_MODEL, _ELSEWHERE)
    return any(pattern.search(model) for pattern in found)


def is_derived(model: str, clause_text: str) -> bool:
    """Whether a name that a loose clause matches says that it is a model made of the listed one."""
    made = _OTHER_MODEL.search(model)
    if made and made.group().strip(".:_-/") not in clause_text:
        return True
    tag = _TAG.match(model)
    return tag is not None and tag.group(1) not in clause_text


def readings(seller: str | None, model: str) -> list[Reading]:
    """What a name may mean besides itself, the surest first.

    `seller` is a provider's id or None, the model in lower case.
    """
    found: list[Reading] = []
    for reading in _inner(seller, model):
        found.append(reading)
        if reading.seller in (None, "openai", "azure") and reading.model.startswith("gpt-35-"):
            azure_name = "gpt-3.5-" + reading.model.removeprefix("gpt-35-")
            found.append(reading._replace(model=azure_name, rule="azure_name"))
        if _ROUTES.search(reading.model):
            routed = _ROUTES.sub("", reading.model)
            found.append(reading._replace(model=routed, rule="route"))
        elif (short := _VERSION.sub("", reading.model)) and short != reading.model:
            found.append(Reading(reading.seller, short, "version", is_literal=True))
    return found


def _inner(seller: str | None, model: str) -> list[Reading]:
    if arn := _BEDROCK_ARN.match(model):
        return _bedrock(arn.group(1), "arn")
    if path := _GOOGLE_PATH.match(model):
        publisher, published, plain = path.groups()
        owner = seller if publisher is None else seller_of(publisher)
        here = "google" if publisher or seller is None else seller
        rest = plain or published
        return [Reading(here, rest, "path")] if owner not in (LOCAL, GATEWAY) else []
    whole = Reading(seller, model, "list")
    if seller in (None, *VENDORS) and _BEDROCK_NAME.match(model):
        return [whole, *_bedrock(model, "bedrock_name")]
    if seller == "aws":
        return [whole, *_bedrock(model.removeprefix("bedrock/"), "prefix")]
    prefix, slash, rest = model.partition("/")
    if not slash or not rest:
        if seller is None and "@" in model and model.startswith("claude-"):
            return [Reading("google", model, "vertex_name"), whole]
        return [whole]
    return _prefixed(whole, prefix, rest)


def _prefixed(whole: Reading, prefix: str, rest: str) -> list[Reading]:
    seller = whole.seller
    named = seller_of(prefix)
    if named == LOCAL:
        return []
    if named is None:
        inner = Reading(seller, rest, "unknown_prefix", is_literal=True)
        return [whole, inner] if seller is None or seller in _MAKERS else [whole]
    if named == GATEWAY:
        return readings(None, rest)
    if named == "azure" and seller in (None, "azure", *VENDORS):
        rest = re.sub(r"^global(?:-standard)?/", "", rest)
        return [Reading("azure", rest, "prefix")]
    if named == seller or (seller == "azure" and named in VENDORS):
        return [whole, Reading(seller, rest, "prefix")]
    if seller is not None and seller not in VENDORS:
        return [whole]  # what a reseller lists under a vendor's name has the reseller's price
    within = [one._replace(rule="prefix") for one in readings(named, rest)]
    literal = [whole._replace(is_literal=True)] if seller is not None else []
    return [*literal, *within]


def _bedrock(model: str, rule: str) -> list[Reading]:
    model = _BEDROCK_PATH.sub("", model)
    if arn := _BEDROCK_ARN.match(model):
        model = arn.group(1)
    found = [Reading("aws", model, rule)]
    if _REGION.match(model):
        found.append(Reading("aws", _REGION.sub("", model), "region"))
    return found
