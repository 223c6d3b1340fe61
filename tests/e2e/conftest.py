"""One server for all tests that only speak to it; each test gets a project of its own."""

from collections.abc import Iterator

import pytest

pytest.register_assert_rewrite("tests.e2e.audit")

from tests.e2e.server import Project, Server, create_project  # noqa: E402


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A running server with default settings; no test may stop it or fill it."""
    with Server(tmp_path_factory.mktemp("shared") / "data") as running:
        yield running


@pytest.fixture(scope="session")
def anyone(server: Server) -> Project:
    """A project for requests that are refused: what others send to it does not matter."""
    return create_project(server, "Anyone")


@pytest.fixture
def project(server: Server) -> Iterator[Project]:
    """A new, empty project on the shared server."""
    created = create_project(server)
    yield created
    created.http.close()
