"""How the address of a repository is written, and which may be fetched. Pure: no name is looked up.

RepositoryRefused   nothing is fetched from there
"""

import ipaddress
import re
from urllib.parse import urlsplit

from schemas.addresses import SETTING, TargetRefused, check_address

SCHEMES = ("https", "http", "ssh", "git")
SCP_FORM = re.compile(
    r"(?:[\w.-]+@(?P<host>[A-Za-z0-9][A-Za-z0-9.-]*)|(?P<named>[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+))"
    r":[^\s:][^\s]*"
)
"""`git@github.com:ann/shop.git`. Without a user, the host has a dot: `javascript:x` is none."""
LOCAL_NAMES = ("localhost", "localhost.localdomain")
EXPECTED = (
    "expected the address of a git repository, such as https://github.com/ann/shop,"
    " ssh://git@host/shop.git or git@host:shop.git"
)


class RepositoryRefused(ValueError):
    """Raised for an address that cannot be one, or that is not fetched from here."""


def check_repository(text: str, *, private_allowed: bool) -> str:
    """Returns the address of a repository, trimmed. Raises `RepositoryRefused`.

    Who fetches asks `schemas.addresses` again, about the address that the name leads to.
    """
    url = text.strip()
    if not url or len(url) > 2000 or not url.isprintable() or " " in url or url.startswith("-"):
        raise RepositoryRefused(EXPECTED)
    if url.startswith(("/", "file://", "./", "../", "~")):
        if not private_allowed or not url.startswith(("/", "file:///")):
            raise RepositoryRefused(f"local paths are not fetched; {SETTING} allows absolute ones")
        return url
    _check_host(_host_of(url), private_allowed=private_allowed)
    return url


def _host_of(url: str) -> str:
    if "://" not in url:
        match = SCP_FORM.fullmatch(url)
        if match is None or "::" in url:
            raise RepositoryRefused(EXPECTED)
        return match["host"] or match["named"]
    try:
        parts = urlsplit(url)
        host, port_fits = parts.hostname, parts.port != 0
    except ValueError:
        raise RepositoryRefused(EXPECTED) from None
    if parts.scheme not in SCHEMES or not host or not port_fits or host.startswith("-"):
        raise RepositoryRefused(EXPECTED)
    if parts.password is not None or (parts.username and parts.scheme != "ssh"):
        raise RepositoryRefused("no user or password belongs in it: give a token as git_token")
    return host


def _check_host(host: str, *, private_allowed: bool) -> None:
    name = host.rstrip(".").lower()
    if name in LOCAL_NAMES or name.endswith(".localhost"):
        if not private_allowed:
            raise RepositoryRefused(f"{name} is this machine; {SETTING} allows such repositories")
        return
    try:
        ipaddress.ip_address(name.partition("%")[0])
    except ValueError:
        if re.fullmatch(r"[0-9a-fx.]+", name) and re.search(r"^[0-9]|^0x", name):
            # `2130706433` and `0x7f.1` are addresses to some programs.
            raise RepositoryRefused(EXPECTED) from None
        return
    try:
        check_address(name, private_allowed=private_allowed)
    except TargetRefused as refused:
        raise RepositoryRefused(str(refused)) from None
