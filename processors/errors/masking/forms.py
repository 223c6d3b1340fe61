"""What is found in texts by its form: keys, tokens, cards, accounts, addresses. Patterns of RE2.

Each pattern has a twin in `QUICK`, for the bytes of JSON: that one may find more, never less.
There a line end is `\\n` written out, so a word's edge may be such an escape.
"""

from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import re2

from processors.errors.masking.checks import (
    is_basic,
    is_card,
    is_iban,
    is_ip,
    is_key_like,
    is_ssn,
)
from schemas.errors.masking import MAX_PATTERN_MEMORY

EDGE = rb"(?:^|[^0-9A-Za-z_]|\\[nrtbf])"
"""Before a word, in the bytes of JSON."""
OURS = rb"pulse_sk_[\w-]{8,}|osc[op]_[0-9A-Za-z]{16,}|s[pk]_(?:live|test|probe)_[0-9A-Za-z]{8,}"
VENDORS = (
    rb"(?:AKIA|ASIA|AROA|AIDA)[0-9A-Z]{16}\b",  # AWS
    rb"gh[pousr]_[0-9A-Za-z]{20,}|github_pat_\w{20,}",
    rb"glpat-[\w-]{16,}",  # GitLab
    rb"xox[a-z]-[0-9A-Za-z-]{8,}|xapp-[0-9A-Za-z-]{8,}",  # Slack
    rb"hooks\.slack\.com/services/[\w/]{8,}",
    rb"[srp]k_(?:live|test)_[0-9A-Za-z]{8,}|whsec_[0-9A-Za-z+/=]{16,}",  # Stripe and others
    rb"AIza[\w-]{30,}|ya29\.[\w-]{16,}",  # Google
    rb"npm_[0-9A-Za-z]{30,}|pypi-[\w-]{40,}",
    rb"hf_[0-9A-Za-z]{24,}|gsk_[0-9A-Za-z]{30,}|xai-[0-9A-Za-z]{30,}|r8_[0-9A-Za-z]{30,}",
    rb"do[oprt]_v1_[0-9a-f]{32,}|shp(?:at|ca|pa|ss)_[0-9a-fA-F]{24,}",
    rb"hv[sbr]\.[\w-]{20,}|sntry[su]_[\w+/=-]{20,}|lin_api_[0-9A-Za-z]{20,}",
    rb"AGE-SECRET-KEY-1[0-9A-Z]{20,}",
)
"""By their prefixes, as their makers document them."""
SENDGRID = rb"SG\.[\w-]{16,}\.[\w-]{16,}"
JWT = rb"eyJ[\w-]{6,}\.[\w-]{6,}(?:\.[\w-]*)?"
"""These two are searched for alone: beside others that end sooner, a search would read on to the
dot that may never come, again for each that it finds."""
SECRET_KEY = rb"sk-[0-9A-Za-z_-]{16,}"
"""OpenAI, Anthropic, OpenRouter, ...: so short a prefix that the rest has to look like a key."""
PEM = rb"-----BEGIN [0-9A-Z ]{0,40}PRIVATE KEY"
CARD = rb"[2-6]\d{3}(?:\d{9,15}|(?:[ -]\d{4}){3}|[ -]\d{6}[ -]\d{4,5})"
LONG_CARD = rb"[2-6]\d{3}(?:[ -]\d{4}){3}[ -]\d{1,3}"
IBAN = rb"[A-Z]{2}\d{2}(?: ?[0-9A-Z]{4}){2,7}(?: ?[0-9A-Z]{1,3})?"
SSN = rb"\d{3}-\d{2}-\d{4}"
EMAIL = rb"[0-9A-Za-z.!#$%&'*+/=?^_`{|}~-]{1,64}@(?:[0-9A-Za-z-]{1,63}\.){1,8}[A-Za-z-]{2,63}"
IPV4 = rb"\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}"
IPV6 = rb"(?:[0-9A-Fa-f]{0,4}:){2,7}[0-9A-Fa-f:.]{0,40}"

Check = Callable[[bytes, int, int], int]
"""Where what a pattern found in a text, from one place to another, ends in truth; 0: nowhere."""


class Form(NamedTuple):
    """One thing that is found by its form."""

    pattern: Any
    """Of RE2, compiled; its first group, if any, is what is masked."""
    mark: bytes
    check: Check | None = None


def compiled(pattern: bytes) -> Any:
    """Compiles for bytes, as RE2 calls Latin-1; `\\w` is ASCII alone. Raises `re2.error`."""
    options = re2.Options()
    options.encoding = re2.Options.Encoding.LATIN1
    options.never_nl = False
    options.log_errors = False
    options.max_mem = 32 << 20
    return re2.compile(pattern, options)


def compiled_own(pattern: str) -> Any:
    """Compiles a project's own pattern, for texts in UTF-8. Raises `re2.error`."""
    options = re2.Options()
    options.log_errors = False
    options.max_mem = MAX_PATTERN_MEMORY
    return re2.compile(pattern, options)


@cache
def token_forms() -> tuple[Form, ...]:
    """Keys, tokens and what stands beside them."""
    vendors = b"|".join((OURS, *VENDORS))
    return (
        Form(
            compiled(
                PEM + rb"(?: BLOCK)?-----(?s:.*?)(?:-----END [0-9A-Z ]{0,40}KEY(?: BLOCK)?-----|$)"
            ),
            b"[private key]",
        ),
        Form(compiled(rb"://[^\s/:@\"'<>]*:([^\s/\"'<>]+)@"), b"[Filtered]"),
        Form(compiled(rb"\b(?:" + vendors + rb")"), b"[token]"),
        Form(compiled(rb"\b" + SENDGRID), b"[token]"),
        Form(compiled(rb"\b" + JWT), b"[token]"),
        Form(compiled(rb"\b" + SECRET_KEY), b"[token]", is_key_like),
        Form(compiled(rb"(?i)\bbearer[ \t]+([\w.~+/=-]{8,})"), b"[token]", is_key_like),
        Form(compiled(rb"(?i)\bbasic[ \t]+([0-9A-Za-z+/_-]{6,}={0,2})"), b"[token]", is_basic),
    )


@cache
def card_forms() -> tuple[Form, ...]:
    """Numbers of payment cards."""
    patterns = (rb"\b" + one + rb"\b" for one in (CARD, LONG_CARD))
    return tuple(Form(compiled(one), b"[card]", is_card) for one in patterns)


@cache
def account_forms() -> tuple[Form, ...]:
    """Numbers of accounts and persons."""
    return (
        Form(compiled(rb"\b" + IBAN + rb"\b"), b"[iban]", is_iban),
        Form(compiled(rb"\b" + SSN + rb"\b"), b"[ssn]", is_ssn),
    )


@cache
def email_forms() -> tuple[Form, ...]:
    """E-mail addresses."""
    return (Form(compiled(EMAIL), b"[email]"),)


@cache
def ip_forms() -> tuple[Form, ...]:
    """Addresses of the Internet, of both versions."""
    return (
        Form(compiled(rb"\b" + IPV4 + rb"\b"), b"[ip]", is_ip),
        Form(compiled(IPV6), b"[ip]", is_ip),
    )


QUICK_TOKENS = (
    PEM,
    rb":\\?/\\?/[^\s/:@\"'<>]*:[^\s\"'<>]+@",
    EDGE
    + rb"(?:"
    + b"|".join((OURS, *VENDORS, SENDGRID, JWT, SECRET_KEY)).replace(rb"\b", b"")
    + rb")",
    rb"hooks\.slack\.com\\?/services",
    EDGE + rb"(?i:bearer|basic)(?:[ \t]|\\t)+[0-9A-Za-z.~_+/=\\-]{6}",
)
QUICK_CARDS = (EDGE + CARD,)
QUICK_ACCOUNTS = (
    EDGE + rb"[A-Z]{2}\d{2} ?[0-9A-Z]{4} ?[0-9A-Z]{4}",
    EDGE + SSN,
)
QUICK_EMAILS = (rb"[^\s\"]@[0-9A-Za-z-]+\.",)
QUICK_IPS = (IPV4, rb"(?:[0-9A-Fa-f]{1,4}:){3}|::[0-9A-Fa-f]|[0-9A-Fa-f]::")
