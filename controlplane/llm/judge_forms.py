"""What may be said of a judge. Pure."""

import math
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import msgspec
import re2
from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError
from msgspec.structs import asdict, replace

from controlplane.failures import BadRequest
from schemas.llm.judges import (
    ContainsRule,
    CostRule,
    EqualsRule,
    JudgedCalls,
    JudgeForm,
    LatencyRule,
    ModelRule,
    RegexRule,
    SchemaRule,
    SimilarityRule,
)
from schemas.llm.scores import MAX_CATEGORY_CHARS, NAME_PATTERN, NAME_RULE
from schemas.llm.wire import MAX_DURATION_MS

MAX_PATTERN_CHARS = 1_000
MAX_PATTERN_MEMORY = 4 << 20
MAX_EXPECTED_CHARS = 10_000
MAX_PROMPT_CHARS = 20_000
MAX_SCHEMA_BYTES = 32 << 10
MAX_SCHEMA_DEPTH = 50
MAX_CATEGORIES = 50
MAX_VALUE_CHARS = 500
MAX_KEYS = 10
MAX_USD = Decimal(1_000_000)
MOST_PLACES = 12
"""Of dollars: costs are known to the pico-dollar."""
MAX_CALLS = 1_000_000
MAX_NUMBER = 1e9
DRAFT = "https://json-schema.org/draft/2020-12/schema"
UNTAKEN = ("$dynamicRef", "$recursiveRef", "$id", "unevaluatedProperties", "unevaluatedItems")
"""Keywords whose cost nobody can bound, or that name other documents."""
NAMED_SCHEMAS = ("properties", "patternProperties", "$defs", "definitions", "dependentSchemas")
"""Below these, keys are names and no keywords."""


def checked(form: JudgeForm) -> JudgeForm:
    """Return a form, cleaned; raises `BadRequest`, which names the field.

    A large schema may take a tenth of a second: call it in a thread.
    """
    name = form.name.strip()
    if re2.match(NAME_PATTERN.replace(r"\Z", r"\z"), name) is None:
        raise BadRequest(f"name: expected {NAME_RULE}")
    if not 0 < form.sampling <= 1:
        raise BadRequest("sampling: expected more than 0, and at most 1")
    rule = form.rule
    if isinstance(rule, RegexRule):
        _check_pattern("rule.pattern", rule.pattern)
    elif isinstance(rule, (ContainsRule, EqualsRule, SimilarityRule)):
        if rule.expected is not None:
            _in_chars("rule.expected", rule.expected, 1, MAX_EXPECTED_CHARS)
    elif isinstance(rule, SchemaRule):
        _check_schema(rule.schema)
    elif isinstance(rule, CostRule):
        _check_usd("rule.usd", rule.usd)
    elif isinstance(rule, LatencyRule):
        if not 0 < rule.ms <= MAX_DURATION_MS:
            raise BadRequest(f"rule.ms: expected more than 0, and at most {MAX_DURATION_MS:.0f}")
    else:
        _check_model(rule)
    _check_calls(form.calls)
    return replace(form, name=name)


def check_model(form: JudgeForm, models: tuple[str, ...]) -> None:
    """Raise `BadRequest` for a model that the operator does not name."""
    if isinstance(form.rule, ModelRule) and form.rule.model not in models:
        named = f"one of {', '.join(models)}" if models else "SLUICE_JUDGE_URL is not set"
        raise BadRequest(f"rule.model: this server asks no such model: {named}")


def _check_pattern(field: str, pattern: str) -> None:
    _in_chars(field, pattern, 1, MAX_PATTERN_CHARS)
    options = re2.Options()
    options.log_errors = False
    options.max_mem = MAX_PATTERN_MEMORY
    try:
        re2.compile(pattern, options)
    except re2.error as error:
        reason = error.args[0].decode(errors="replace") if error.args else "not of RE2"
        raise BadRequest(f"{field}: {reason}") from error


def _check_schema(schema: dict[str, Any]) -> None:
    if len(msgspec.json.encode(schema)) > MAX_SCHEMA_BYTES:
        raise BadRequest(f"rule.schema: expected at most {MAX_SCHEMA_BYTES} bytes of JSON")
    if schema.get("$schema", DRAFT).rstrip("#") != DRAFT:
        raise BadRequest(f"rule.schema: expected no $schema, or {DRAFT}")
    for key, value in _keywords(schema, 0, are_names=False):
        if key in UNTAKEN:
            raise BadRequest(f"rule.schema: {key} is not taken")
        if key == "$ref" and not (isinstance(value, str) and value.startswith("#")):
            raise BadRequest("rule.schema: a $ref leads to the schema itself: #/$defs/…")
        if key == "pattern" and isinstance(value, str):
            _check_pattern("rule.schema: pattern", value)
        if key == "patternProperties" and isinstance(value, dict):
            for pattern in value:
                _check_pattern("rule.schema: patternProperties", pattern)
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        raise BadRequest(f"rule.schema: {error.json_path}: {error.message[:200]}") from error


def _keywords(value: Any, depth: int, *, are_names: bool) -> Iterator[tuple[str, Any]]:
    """Yield every keyword with its value, however deep; raises `BadRequest` where that is deep."""
    if depth > MAX_SCHEMA_DEPTH:
        raise BadRequest(f"rule.schema: expected at most {MAX_SCHEMA_DEPTH} levels")
    if isinstance(value, dict):
        for key, one in value.items():
            if not are_names:
                yield key, one
            below = not are_names and key in NAMED_SCHEMAS
            yield from _keywords(one, depth + 1, are_names=below)
    elif isinstance(value, list):
        for one in value:
            yield from _keywords(one, depth + 1, are_names=False)


def _check_model(rule: ModelRule) -> None:
    _in_chars("rule.model", rule.model, 1, 256)
    _in_chars("rule.prompt", rule.prompt, 1, MAX_PROMPT_CHARS)
    if "{output}" not in rule.prompt and "{input}" not in rule.prompt:
        raise BadRequest("rule.prompt: expected {output} or {input} in it")
    bounds = (rule.minimum, rule.maximum)
    if not all(math.isfinite(one) and abs(one) <= MAX_NUMBER for one in bounds):
        raise BadRequest("rule.minimum, rule.maximum: expected numbers of at most a billion")
    if rule.minimum >= rule.maximum:
        raise BadRequest("rule.maximum: expected more than rule.minimum")
    if rule.gives == "category":
        _in_range("rule.categories: number", len(set(rule.categories)), 2, MAX_CATEGORIES)
    elif rule.categories:
        raise BadRequest("rule.categories: only what gives a category has them")
    for one in rule.categories:
        _in_chars("rule.categories: one", one, 1, MAX_CATEGORY_CHARS)
    _in_range("rule.max_calls_day", rule.max_calls_day, 1, MAX_CALLS)
    for field in ("max_usd_day", "max_usd_month"):
        if (usd := getattr(rule, field)) is not None:
            _check_usd(f"rule.{field}", usd)


def _check_calls(calls: JudgedCalls) -> None:
    given = asdict(calls)
    metadata = given.pop("metadata")
    for name, text in given.items():
        if text is not None:
            _in_chars(f"calls.{name}", text, 1, MAX_VALUE_CHARS)
    _in_range("calls.metadata: number of keys", len(metadata), 0, MAX_KEYS)
    for key, text in metadata.items():
        _in_chars("calls.metadata: a key", key, 1, MAX_VALUE_CHARS)
        _in_chars("calls.metadata: a value", text, 1, MAX_VALUE_CHARS)


def _check_usd(field: str, usd: Decimal) -> None:
    if not usd.is_finite() or not 0 < usd <= MAX_USD:
        raise BadRequest(f"{field}: expected more than 0, and at most {MAX_USD:f}")
    # What has more is not shorter than its places, wherever it is written out.
    exponent = usd.normalize().as_tuple().exponent
    if not isinstance(exponent, int) or -exponent > MOST_PLACES:
        raise BadRequest(f"{field}: expected at most {MOST_PLACES} decimal places")


def _in_chars(field: str, text: str, least: int, most: int) -> None:
    if not least <= len(text) <= most or "\0" in text:
        raise BadRequest(f"{field}: expected {least} to {most} characters")


def _in_range(field: str, number: int, least: int, most: int) -> None:
    if not least <= number <= most:
        raise BadRequest(f"{field}: expected {least} to {most}")
