"""One installation on each log for all tests here; each test has a project of its own."""

from collections.abc import Iterator

import pytest

from tests.promises.installations import Distributed, Embedded, Installation

DISTRIBUTED = pytest.mark.containers
"""It stands on Kafka and PostgreSQL, which it asks for by name where only a test can see it."""


@pytest.fixture(scope="package")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    with Embedded(tmp_path_factory.mktemp("embedded")) as running:
        yield running


@pytest.fixture(scope="package")
def distributed(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[Installation]:
    broker, postgres = request.getfixturevalue("kafka"), request.getfixturevalue("postgres")
    with Distributed(tmp_path_factory.mktemp("distributed"), broker, postgres) as running:
        yield running


@pytest.fixture(params=["embedded", pytest.param("distributed", marks=DISTRIBUTED)])
def installation(request: pytest.FixtureRequest) -> Installation:
    running: Installation = request.getfixturevalue(request.param)
    return running
