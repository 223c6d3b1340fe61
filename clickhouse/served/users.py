"""Who may ask the warehouse, and how a request says who it is."""

import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Mapping
from typing import NamedTuple

from clickhouse.served.codes import Code
from clickhouse.served.errors import EngineError, refusal
from clickhouse.served.rights import Rights
from schemas.settings import SettingsError

MIN_PASSWORD_CHARS = 8
GENERATED = "sluice"


class User(NamedTuple):
    """One that may ask; of the password only the hash is kept."""

    name: str
    password_hash: bytes
    rights: Rights


class Credentials(NamedTuple):
    """What a request gives for itself."""

    name: str
    password: str


NOBODY = User("", hashlib.sha256(secrets.token_bytes(32)).digest(), Rights.READ)
"""Compared with where the name is unknown, so that the answer takes as long."""


class Users:
    """Everybody who may ask, by name."""

    def __init__(self, users: list[User]) -> None:
        self._by_name = {user.name: user for user in users}

    def __len__(self) -> int:
        return len(self._by_name)

    def authenticate(self, given: Credentials | None) -> User:
        """Returns the user. Raises `EngineError` as ClickHouse does, the same for every reason."""
        if given is None:
            raise refusal(Code.REQUIRED_PASSWORD, "Name and password are required.")
        user = self._by_name.get(given.name, NOBODY)
        same = hmac.compare_digest(_hash(given.password), user.password_hash)
        if user is NOBODY or not same:
            raise _failed(given.name)
        return user


def read_users(text: str) -> Users:
    """Reads `NAME:PASSWORD:RIGHTS`, one a line, or separated by commas on a single line.

    RIGHTS are `readonly` or `write`. A password may hold colons, and commas where there are lines.
    Raises `SettingsError`, which shows no password.
    """
    parts = text.split("\n") if "\n" in text.strip() else text.split(",")
    users = [_read_user(part.strip()) for part in parts if part.strip()]
    names = [user.name for user in users]
    if len(set(names)) < len(names):
        raise SettingsError("SLUICE_WAREHOUSE_USERS: two users have the same name")
    return Users(users)


def generate_user() -> tuple[Users, str]:
    """Makes one user who may write, with a random password, which is returned beside it."""
    password = secrets.token_urlsafe(24)
    return Users([User(GENERATED, _hash(password), Rights.WRITE)]), password


def credentials_of(headers: Mapping[str, str], parameters: Mapping[str, str]) -> Credentials | None:
    """Finds name and password in the places that ClickHouse looks at, `None` where there are none.

    Raises `EngineError` when they are given in two places, or not as they should be.
    """
    found = []
    if "x-clickhouse-user" in headers or "x-clickhouse-key" in headers:
        name = headers.get("x-clickhouse-user", "default")
        found.append(Credentials(name, headers.get("x-clickhouse-key", "")))
    if "authorization" in headers:
        found.append(_read_basic(headers["authorization"]))
    if "user" in parameters or "password" in parameters:
        found.append(Credentials(parameters.get("user", "default"), parameters.get("password", "")))
    if len(found) > 1:
        raise refusal(
            Code.AUTHENTICATION_FAILED,
            "Invalid authentication: it is not allowed to give it in several places at once.",
        )
    return found[0] if found else None


def _read_basic(header: str) -> Credentials:
    scheme, _, encoded = header.partition(" ")
    try:
        if scheme.lower() != "basic":
            raise ValueError(scheme)
        name, colon, password = base64.b64decode(encoded, validate=True).decode().partition(":")
        if not colon:
            raise ValueError("no colon")
    except (ValueError, binascii.Error) as error:
        raise refusal(
            Code.AUTHENTICATION_FAILED,
            "Invalid authentication: only HTTP Basic is understood.",
        ) from error
    return Credentials(name, password)


def _read_user(text: str) -> User:
    name, _, rest = text.partition(":")
    password, _, rights = rest.rpartition(":")
    if not name or rights not in set(Rights):
        raise SettingsError(
            "SLUICE_WAREHOUSE_USERS: expected NAME:PASSWORD:RIGHTS with rights readonly or write;"
            f" {f'the entry of {name!r}' if name and rest else 'an entry'} has another form"
        )
    if len(password) < MIN_PASSWORD_CHARS:
        raise SettingsError(
            f"SLUICE_WAREHOUSE_USERS: the password of {name!r} has fewer than"
            f" {MIN_PASSWORD_CHARS} characters"
        )
    return User(name, _hash(password), Rights(rights))


def _failed(name: str) -> EngineError:
    return refusal(
        Code.AUTHENTICATION_FAILED,
        f"{name}: Authentication failed: password is incorrect,"
        " or there is no user with such name.",
    )


def _hash(password: str) -> bytes:
    # No slow hash: the password itself is in this process's environment, and each call asks anew.
    return hashlib.sha256(password.encode()).digest()
