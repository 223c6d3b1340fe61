"""Who may ask the warehouse, of which projects, and how a request says who it is."""

import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Mapping
from typing import NamedTuple
from uuid import UUID

from clickhouse.served.codes import Code
from clickhouse.served.errors import EngineError, refusal
from clickhouse.served.rights import Rights
from schemas.settings import SettingsError

MIN_PASSWORD_CHARS = 8
MAX_PROJECTS = 200
"""Of one user."""
GENERATED = "sluice"


class User(NamedTuple):
    """One that may ask; of the password only the hash is kept."""

    name: str
    password_hash: bytes
    rights: Rights
    projects: tuple[str, ...] = ()
    """The ids of those whose rows a reader sees; empty for all."""


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

    @property
    def any_is_bound(self) -> bool:
        """Tells whether somebody may see the rows of some projects alone."""
        return any(user.projects for user in self._by_name.values())

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

    RIGHTS are `readonly`, `readonly=ID+ID` with ids of projects, or `write`. A password may hold
    colons, and commas where there are lines.
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
    password, _, given = rest.rpartition(":")
    rights, bound, ids = given.partition("=")
    if not name or rights not in set(Rights) or (bound and rights != Rights.READ):
        raise SettingsError(
            "SLUICE_WAREHOUSE_USERS: expected NAME:PASSWORD:RIGHTS with rights readonly,"
            " readonly=ID+ID or write;"
            f" {f'the entry of {name!r}' if name and rest else 'an entry'} has another form"
        )
    if len(password) < MIN_PASSWORD_CHARS:
        raise SettingsError(
            f"SLUICE_WAREHOUSE_USERS: the password of {name!r} has fewer than"
            f" {MIN_PASSWORD_CHARS} characters"
        )
    return User(name, _hash(password), Rights(rights), _read_projects(name, ids) if bound else ())


def _read_projects(name: str, ids: str) -> tuple[str, ...]:
    try:
        projects = tuple(dict.fromkeys(str(UUID(text.strip())) for text in ids.split("+")))
    except ValueError as error:
        raise SettingsError(
            f"SLUICE_WAREHOUSE_USERS: {name!r} is bound to {ids!r}: expected ids of projects,"
            " as `sluice project list` shows them, with + between them"
        ) from error
    if len(projects) > MAX_PROJECTS:
        raise SettingsError(
            f"SLUICE_WAREHOUSE_USERS: {name!r} is bound to more than {MAX_PROJECTS} projects"
        )
    return projects


def _failed(name: str) -> EngineError:
    return refusal(
        Code.AUTHENTICATION_FAILED,
        f"{name}: Authentication failed: password is incorrect,"
        " or there is no user with such name.",
    )


def _hash(password: str) -> bytes:
    # No slow hash: the password itself is in this process's environment, and each call asks anew.
    return hashlib.sha256(password.encode()).digest()
