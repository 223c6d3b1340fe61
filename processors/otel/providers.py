"""Whose model was called: from a name, an address, or the beginning of the model's name."""

from processors.otel.names import Names
from processors.otel.plain import text_of
from processors.otel.reading import Reading

_BY_HOST = frozenset(("google",))
"""One name for two sellers: the address decides."""


def read_provider(reading: Reading, model: str | None) -> str | None:
    """The provider as prices name it; as it was sent, in lower case, where they know none."""
    names = reading.names
    sent = reading.first("provider", lambda value: _no_framework(names, text_of(value)))
    host = reading.first("host", text_of)
    by_host = _by_host(names, host)
    if sent is None:
        found = by_host or _by_model(names, model) or reading.flavour.provider
        return found or (None if host else _by_family(names, model))
    if "://" in sent:
        return _by_host(names, sent) or by_host
    found = _by_name(names, sent)
    return by_host if found in _BY_HOST and by_host else found


def _no_framework(names: Names, sent: str | None) -> str | None:
    return None if sent is None or sent.strip().lower() in names.frameworks else sent


def _by_name(names: Names, sent: str) -> str:
    lowered = sent.strip().lower()
    # Vercel's AI SDK says "openai.chat", "anthropic.messages".
    return names.providers.get(lowered) or names.providers.get(lowered.partition(".")[0], lowered)


def _by_host(names: Names, sent: str | None) -> str | None:
    if not sent:
        return None
    host = sent.partition("://")[2] or sent
    host = host.partition("/")[0].partition(":")[0].lower()
    for known, provider in names.hosts.items():
        if host == known or host.endswith(f".{known}") or host.endswith(f"-{known}"):
            return provider
    return None


def _by_model(names: Names, model: str | None) -> str | None:
    prefix, has_prefix, _ = (model or "").partition("/")
    return names.providers.get(prefix.lower()) if has_prefix else None


def _by_family(names: Names, model: str | None) -> str | None:
    """Who made the model, for Langfuse's SDKs say of a call no more than its model."""
    lowered = (model or "").lower()
    return next((who for begin, who in names.families.items() if lowered.startswith(begin)), None)
