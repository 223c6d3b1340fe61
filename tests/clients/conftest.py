"""The browser of the tests of pages, and every client's scenarios on one server."""

from tests.clients.scenes import sent  # noqa: F401
from tests.pages.conftest import browser  # noqa: F401
