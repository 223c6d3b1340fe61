"""The certificates of a store at https://…: looked at before anything is opened, named in its
address. So whoever opens the store by its address has them, and no caller carries them along."""

import ssl
from pathlib import Path
from urllib.parse import urlencode, urlsplit

from schemas.settings import PREFIX, Settings, SettingsError

OPTIONS = {
    "warehouse_ca_file": "ca_cert",
    "warehouse_cert_file": "client_cert",
    "warehouse_key_file": "client_cert_key",
}
"""By setting, what clickhouse-connect reads it from behind the question mark of an address."""


def with_certificates(url: str, settings: Settings) -> str:
    """Returns the store's address with the certificates that the settings name.

    Raises `SettingsError` for files that TLS cannot use, or that the store has no use for.
    """
    named = {name: path for name in OPTIONS if (path := getattr(settings, name))}
    if not named:
        return url
    parts = urlsplit(url)
    if parts.scheme != "https":
        name, path = next(iter(named.items()))
        raise _broken(name, path, f"needs a store at https://…, not at {parts.scheme}://…")
    if settings.warehouse_ca_file:
        _check_authorities(settings.warehouse_ca_file)
    if settings.warehouse_cert_file:
        _check_certificate(settings.warehouse_cert_file, settings.warehouse_key_file)
    elif settings.warehouse_key_file:
        path = settings.warehouse_key_file
        raise _broken("warehouse_key_file", path, f"needs {PREFIX}WAREHOUSE_CERT_FILE")
    options = {OPTIONS[name]: str(Path(path).absolute()) for name, path in named.items()}
    if settings.warehouse_cert_file:
        # By itself the certificate stands for the password; beside one, both are asked for.
        options["tls_mode"] = "mutual" if parts.username and not parts.password else "strict"
    return f"{url}{'&' if parts.query else '?'}{urlencode(options)}"


def _check_authorities(path: str) -> None:
    try:
        ssl.create_default_context(cafile=path)
    except OSError as error:
        raise _broken("warehouse_ca_file", path, f"holds no certificates ({error})") from error


def _check_certificate(path: str, key: str) -> None:
    try:
        # A key with a password would ask for it on the terminal.
        ssl.create_default_context().load_cert_chain(path, key or None, password=lambda: b"")
    except (OSError, ValueError) as error:
        name, path = ("warehouse_key_file", key) if key else ("warehouse_cert_file", path)
        raise _broken(name, path, f"is no key with its certificate ({error})") from error


def _broken(name: str, path: str, rule: str) -> SettingsError:
    return SettingsError(f"{PREFIX}{name.upper()}: {path!r} {rule}")
