"""Connections that only cost end here as at every server of ours."""

from base64 import b64encode
from collections.abc import Iterator

import httpx
import pytest

from tests.e2e.slow_clients import (
    HALF_HEAD,
    IDLE,
    LONG,
    TRICKLED_HEAD,
    Kind,
    slow_connections,
    wait_all_cut,
)
from tests.integration.warehouse.conftest import READER, Served

pytestmark = pytest.mark.alone

MANY = 100
CUT_WITHIN_S = 20.0
CREDENTIALS = b64encode(":".join(READER).encode())
TRICKLED_QUERY = Kind(
    "trickled query",
    b"POST / HTTP/1.1\r\nHost: x\r\nAuthorization: Basic %s\r\nContent-Length: %d\r\n\r\nSELECT 1"
    % (CREDENTIALS, LONG),
    b" ",
)


@pytest.fixture(scope="module")
def hurried(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A warehouse with short deadlines."""
    served = Served(
        tmp_path_factory.mktemp("hurried"), SLUICE_REQUEST_TIMEOUT_S="1", SLUICE_KEEP_ALIVE_S="1"
    )
    served.start()
    yield served
    served.end()


@pytest.mark.parametrize(
    "kind", [IDLE, HALF_HEAD, TRICKLED_HEAD, TRICKLED_QUERY], ids=lambda kind: kind.name
)
def test_slow_connections_are_cut_and_keep_no_reader_out(hurried: Served, kind: Kind) -> None:
    with slow_connections(hurried.port, kind, MANY) as crowd:
        wait_all_cut(crowd, CUT_WITHIN_S)

        answer = httpx.post(
            hurried.url, content=b"SELECT 1", auth=READER, trust_env=False, verify=False
        )

    assert (answer.status_code, answer.text) == (200, "1\n")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
