"""What is masked in events of a project: the families that are on, and its own fields and patterns.

What each family finds is in `processors.errors.masking`.
"""

from msgspec import Struct

FILTERED = "[Filtered]"
"""Stands for a whole value, as in Sentry."""
MAX_OWN_FIELDS = 100
MAX_FIELD_CHARS = 64
MAX_OWN_PATTERNS = 20
MAX_PATTERN_CHARS = 500
MAX_PATTERN_NAME_CHARS = 32
MAX_PATTERN_MEMORY = 1 << 20
"""Bytes that RE2 may use for a pattern; one that needs more cannot be set."""


class OwnPattern(Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """What a project finds in texts by a regular expression of RE2."""

    name: str
    """Stands in brackets for what is found: lower case, digits, blanks, `-` and `_`."""
    pattern: str


class MaskRules(Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """What is masked. The families of the first part are on unless a project turns them off."""

    names: bool = True
    """Values under sensitive names: passwords, tokens, cookies, ..."""
    tokens: bool = True
    """Keys and tokens by their form, private keys, and passwords within addresses."""
    cards: bool = True
    """Numbers of payment cards."""
    accounts: bool = True
    """IBANs, and social security numbers of the United States."""
    emails: bool = False
    ips: bool = False
    own_fields: tuple[str, ...] = ()
    """Names of fields that are sensitive here, beside the usual ones."""
    kept_fields: tuple[str, ...] = ()
    """Names of fields that are not sensitive here."""
    own_patterns: tuple[OwnPattern, ...] = ()


DEFAULT_RULES = MaskRules()
