"""From the URL of a repository to what git is told: a checked address, and no secret in it.

Git asks the system what a name means, and may ask again. So the name is resolved here, each of its
addresses is checked by `schemas.addresses`, and git is told to connect to one of these.
"""

import asyncio
import base64
import re
import socket
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from urllib.parse import SplitResult, unquote, urlsplit, urlunsplit

import idna
from msgspec import Struct

from deploys.failures import CheckoutFailed
from schemas.addresses import SETTING, TargetRefused, check_address

PORTS = {"https": 443, "http": 80, "ssh": 22, "git": 9418}
SCP_FORM = re.compile(r"(?:([\w.-]+)@(?=.)|(?=[\w-]+\.))([\w.-]+):(?!:|//)(.+)")
"""`git@github.com:owner/name.git`"""
TOKEN_USERS = {"bitbucket.org": "x-token-auth", "gitlab.com": "oauth2"}
"""Who is named beside a token; the others take any name."""
TOKEN_USER = "x-access-token"
RESOLVE_TIMEOUT_S = 10
MAX_URL_CHARS = 2048

Resolve = Callable[[str], Awaitable[Sequence[str]]]
"""Returns the addresses of a name. Raises `OSError`."""


class Remote(Struct, frozen=True, kw_only=True):
    """A repository that git may be sent to."""

    url: str
    """Without a user's name or secret, but for the name that SSH needs."""
    scheme: str
    """`https`, `http`, `ssh`, `git` or `file`."""
    host: str = ""
    port: int = 0
    address: str = ""
    """Where to connect, whatever the name means by then."""
    header: str = ""
    """`Authorization: …`, or empty. It is a secret."""

    @property
    def shown(self) -> str:
        """The URL as people see it."""
        return self.url


async def resolve_host(host: str) -> Sequence[str]:
    """Asks the system what a name means."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(info[4][0]) for info in found))


async def find_remote(
    url: str, *, token: str = "", private_allowed: bool, resolve: Resolve = resolve_host
) -> Remote:
    """Returns where a repository is. Raises `CheckoutFailed`, with a text that has no secret."""
    parts = _split(url)
    if parts.scheme in {"", "file"}:
        return _local(parts, private_allowed=private_allowed)
    if parts.scheme not in PORTS:
        raise CheckoutFailed(
            "The repository's URL must begin with https://, http://, ssh:// or git://"
        )
    host, port, user, password = _authority(parts)
    address = await _address(host, private_allowed=private_allowed, resolve=resolve)
    secret = token or (f"{user}:{password}" if password else "")
    keeps_user = parts.scheme == "ssh" and user
    shown_host = f"[{host}]" if ":" in host else host
    netloc = f"{user}@{shown_host}" if keeps_user else shown_host
    if port != PORTS[parts.scheme]:
        netloc += f":{port}"
    return Remote(
        url=urlunsplit((parts.scheme, netloc, parts.path, "", "")),
        scheme=parts.scheme,
        host=host,
        port=port,
        address=address,
        header=_header(secret, host) if secret and parts.scheme in {"http", "https"} else "",
    )


def _split(url: str) -> SplitResult:
    text = url.strip()
    if not text or len(text) > MAX_URL_CHARS or not text.isprintable() or " " in text:
        raise CheckoutFailed("The repository's URL is empty, too long, or has blanks in it")
    if text.startswith("-"):
        raise CheckoutFailed("The repository's URL may not begin with a dash")
    if "://" not in text and not text.startswith("/") and (scp := SCP_FORM.fullmatch(text)):
        user, host, path = scp.groups()
        text = f"ssh://{user or 'git'}@{host}/{path.lstrip('/')}"
    try:
        return urlsplit(text)
    except ValueError:
        raise CheckoutFailed("The repository's URL cannot be read") from None


def _authority(parts: SplitResult) -> tuple[str, int, str, str]:
    try:
        host, port = parts.hostname or "", parts.port or PORTS[parts.scheme]
    except ValueError:
        raise CheckoutFailed("The repository's URL has no port that can be one") from None
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    host = _ascii(host)
    if not host or not re.fullmatch(r"[\w.:-]+", host) or host.startswith("-"):
        raise CheckoutFailed("The repository's URL names no host")
    if not parts.path.strip("/"):
        raise CheckoutFailed("The repository's URL has no path")
    if user and not re.fullmatch(r"[\w.@+-]+", user):
        raise CheckoutFailed("The user's name in the repository's URL cannot be one")
    if user.startswith("-"):
        raise CheckoutFailed("The user's name in the repository's URL may not begin with a dash")
    return host, port, user, password


def _ascii(host: str) -> str:
    """Returns a host as DNS has it. Git would write another alphabet down in its own way, look that
    up by itself, and go where nobody has looked."""
    if host.isascii():
        return host
    try:
        return idna.encode(host, uts46=True).decode()
    except idna.IDNAError:
        raise CheckoutFailed("The repository's URL names no host") from None


async def _address(host: str, *, private_allowed: bool, resolve: Resolve) -> str:
    try:
        async with asyncio.timeout(RESOLVE_TIMEOUT_S):
            addresses = await resolve(host)
    except (OSError, UnicodeError, TimeoutError):
        raise CheckoutFailed(f"The repository's host {host} was not found") from None
    if not addresses:
        raise CheckoutFailed(f"The repository's host {host} has no address")
    try:
        for address in addresses:
            check_address(address, private_allowed=private_allowed)
    except TargetRefused as refused:
        raise CheckoutFailed(f"The repository's host {host}: {refused}") from refused
    # Many machines have no way out over IPv6, and git tries no second address that is pinned.
    return next((one for one in addresses if ":" not in one), addresses[0])


def _local(parts: SplitResult, *, private_allowed: bool) -> Remote:
    if not private_allowed:
        raise CheckoutFailed(
            f"The repository is a folder of this machine; {SETTING} allows such repositories"
        )
    path = Path(unquote(parts.path))
    if parts.netloc not in {"", "localhost"} or not path.is_absolute():
        raise CheckoutFailed("The repository's folder must be named by its whole path")
    return Remote(url=str(path), scheme="file")


def _header(secret: str, host: str) -> str:
    if ":" not in secret:
        secret = f"{TOKEN_USERS.get(host, TOKEN_USER)}:{secret}"
    return f"Authorization: Basic {base64.b64encode(secret.encode()).decode()}"
