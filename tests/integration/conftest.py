"""One store for all integration tests: chDB, which a process can open at one path alone.

With `-m containers` it is a ClickHouse server.
"""

from collections.abc import Iterator

import pytest
from argon2 import PasswordHasher

from clickhouse.client import Warehouse
from clickhouse.migrate import migrate
from controlplane import crypto


@pytest.fixture(scope="package", autouse=True)
def cheap_passwords() -> Iterator[None]:
    """Has a sign-up cost nothing: 16 ms of a processor, where most tests sign two people up and in.

    What a password of an installation costs is proved by `tests/unit/controlplane/test_crypto.py`.
    """
    with pytest.MonkeyPatch.context() as patch:
        cheap = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
        patch.setattr(crypto, "_PASSWORDS", cheap)
        yield


@pytest.fixture(scope="session")
def warehouse(clickhouse_url: str) -> Iterator[Warehouse]:
    opened = Warehouse(clickhouse_url)
    migrate(opened)
    yield opened
    opened.close()
