"""Whose pages may use the API in a browser, beside our own."""

from urllib.parse import urlsplit

from schemas.settings import Settings, SettingsError


def allowed_origins(settings: Settings) -> frozenset[str]:
    """Returns the origins of `SLUICE_ALLOWED_ORIGINS`, as browsers write them.

    Raises `SettingsError`.
    """
    named = (part.strip() for part in settings.allowed_origins.split(","))
    return frozenset(_origin(text) for text in named if text)


def _origin(text: str) -> str:
    wrong = SettingsError(
        f"SLUICE_ALLOWED_ORIGINS: {text!r} is no origin: expected such as https://ui.example.com"
    )
    try:
        parts = urlsplit(text.rstrip("/").lower())
        port = parts.port
    except ValueError:
        raise wrong from None
    if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc:
        raise wrong
    if parts.path or parts.query or parts.fragment or "*" in parts.hostname:
        raise wrong
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    is_usual = port is None or port == {"http": 80, "https": 443}[parts.scheme]
    return f"{parts.scheme}://{host}" if is_usual else f"{parts.scheme}://{host}:{port}"
