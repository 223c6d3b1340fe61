"""What a project may set for its errors: bounds, names, patterns that RE2 takes."""

import re
from collections.abc import Iterable

import re2
from msgspec.structs import replace

from controlplane.failures import BadRequest
from schemas.errors.grouping import (
    MAX_FINGERPRINT_PART_CHARS,
    MAX_FINGERPRINT_PARTS,
    MAX_RULE_PAIRS,
    MAX_RULES,
    MAX_TITLE_UNITS,
    RULE_FIELDS,
    TAG_FIELD,
    FingerprintRule,
    GroupingConfig,
)
from schemas.errors.grouping import MAX_PATTERN_CHARS as MAX_GLOB_CHARS
from schemas.errors.masking import (
    MAX_FIELD_CHARS,
    MAX_OWN_FIELDS,
    MAX_OWN_PATTERNS,
    MAX_PATTERN_CHARS,
    MAX_PATTERN_MEMORY,
    MAX_PATTERN_NAME_CHARS,
    MaskRules,
    OwnPattern,
)
from schemas.errors.settings import MAX_AUTO_RESOLVE_DAYS, ProjectErrorsSettings

FIELD = re.compile(r"[\x20-\x7e]*[0-9A-Za-z][\x20-\x7e]*")
NAME = re.compile(r"[a-z0-9][a-z0-9 _-]*")


def checked(settings: ProjectErrorsSettings) -> ProjectErrorsSettings:
    """Return settings without blanks around and without repetitions. Raises `BadRequest`."""
    days = settings.auto_resolve_days
    if days is not None and not 1 <= days <= MAX_AUTO_RESOLVE_DAYS:
        raise BadRequest(f"autoResolveDays: expected 1 to {MAX_AUTO_RESOLVE_DAYS}, or null")
    masking = checked_masking(settings.masking)
    return ProjectErrorsSettings(masking, _grouping(settings.grouping), days)


def checked_masking(rules: MaskRules) -> MaskRules:
    """As `checked`, for what is masked."""
    if len(rules.own_patterns) > MAX_OWN_PATTERNS:
        raise BadRequest(f"ownPatterns: expected at most {MAX_OWN_PATTERNS}")
    return replace(
        rules,
        own_fields=_fields("ownFields", rules.own_fields),
        kept_fields=_fields("keptFields", rules.kept_fields),
        own_patterns=tuple(dict.fromkeys(map(_pattern, rules.own_patterns))),
    )


def _fields(what: str, names: Iterable[str]) -> tuple[str, ...]:
    clean = tuple(dict.fromkeys(filter(None, (name.strip() for name in names))))
    if len(clean) > MAX_OWN_FIELDS:
        raise BadRequest(f"{what}: expected at most {MAX_OWN_FIELDS}")
    for name in clean:
        if len(name) > MAX_FIELD_CHARS or not FIELD.fullmatch(name):
            raise BadRequest(
                f"{what}: expected names of at most {MAX_FIELD_CHARS} ASCII characters, and not"
                f" {name[:MAX_FIELD_CHARS]!r}"
            )
    return clean


def _pattern(own: OwnPattern) -> OwnPattern:
    name = own.name.strip()
    if len(name) > MAX_PATTERN_NAME_CHARS or not NAME.fullmatch(name):
        raise BadRequest(
            f"ownPatterns: a name has at most {MAX_PATTERN_NAME_CHARS} of a-z, 0-9, blanks, - and _"
            f", and is not {name[:MAX_PATTERN_NAME_CHARS]!r}"
        )
    if not own.pattern or len(own.pattern) > MAX_PATTERN_CHARS:
        raise BadRequest(f"ownPatterns: {name}: expected 1 to {MAX_PATTERN_CHARS} characters")
    options = re2.Options()
    options.log_errors = False
    options.max_mem = MAX_PATTERN_MEMORY
    try:
        compiled = re2.compile(own.pattern, options)
    except re2.error as error:
        reason = error.args[0].decode(errors="replace") if error.args else "not of RE2"
        raise BadRequest(f"ownPatterns: {name}: {reason}") from error
    if compiled.search(f"[{name}]") is not None:
        raise BadRequest(f"ownPatterns: {name}: it finds [{name}] itself, or what is empty")
    return OwnPattern(name, own.pattern)


def _grouping(config: GroupingConfig) -> GroupingConfig:
    if len(config.rules) > MAX_RULES:
        raise BadRequest(f"rules: expected at most {MAX_RULES}")
    for number, rule in enumerate(config.rules, start=1):
        if wrong := _wrong_in(rule):
            raise BadRequest(f"rules: {number}: {wrong}")
    return config


def _wrong_in(rule: FingerprintRule) -> str | None:
    if not 1 <= len(rule.match) <= MAX_RULE_PAIRS:
        return f"expected 1 to {MAX_RULE_PAIRS} pairs of a field and a pattern"
    for field, pattern in rule.match:
        if field not in RULE_FIELDS and not (field.startswith(TAG_FIELD) and field != TAG_FIELD):
            return f"the field {field[:80]!r} is none of {', '.join(RULE_FIELDS)}, {TAG_FIELD}NAME"
        if not 1 <= len(pattern) <= MAX_GLOB_CHARS:
            return f"expected a pattern of 1 to {MAX_GLOB_CHARS} characters"
    if not 1 <= len(rule.fingerprint) <= MAX_FINGERPRINT_PARTS or not all(rule.fingerprint):
        return f"expected a fingerprint of 1 to {MAX_FINGERPRINT_PARTS} parts"
    if max(map(len, rule.fingerprint)) > MAX_FINGERPRINT_PART_CHARS:
        return f"a part of the fingerprint has more than {MAX_FINGERPRINT_PART_CHARS} characters"
    return "the title is too long" if len(rule.title) > MAX_TITLE_UNITS else None
