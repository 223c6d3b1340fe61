"""An answer that fails on its way, as a client sees it, over the server's own protocol."""

from collections.abc import AsyncIterator

import httpx
import pytest
import uvicorn
from litestar import Litestar, Response, get
from litestar.params import FromPath

from api.outgoing import PIECE_BYTES, Texts, answer
from schemas.llm.answers import SessionTraces
from sluice.connections import Bounds
from sluice.listening import Server, bind
from tests.unit.sluice.places import free_port


class Failing(Texts):
    """One text, and then an error or the end."""

    def __init__(self, fails: bool) -> None:
        self._left = [b"1", b",2"]
        self._fails = fails

    @property
    def is_last(self) -> bool:
        return not self._left

    async def take(self) -> bytes:
        text = self._left.pop(0) + b" " * PIECE_BYTES
        if self._fails and self.is_last:
            raise RuntimeError("the store fails")
        return text

    def close(self) -> None:
        return


@get("/{fails:int}")
async def send(fails: FromPath[int]) -> Response[bytes]:
    return await answer(SessionTraces("s", []), Failing(bool(fails)))


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    config = uvicorn.Config(Litestar([send]), lifespan="off", log_config=None)
    server = Server(config, Bounds())
    config.load()
    server.lifespan = config.lifespan_class(config)
    listener = bind("127.0.0.1", free_port())
    host, port = listener.getsockname()
    await server.startup([listener])
    async with httpx.AsyncClient(
        base_url=f"http://{host}:{port}", trust_env=False, verify=False
    ) as opened:
        yield opened
    await server.shutdown([listener])


async def test_an_answer_that_fails_on_its_way_is_no_whole_answer_to_its_client(
    client: httpx.AsyncClient,
) -> None:
    with pytest.raises(httpx.RemoteProtocolError):
        await client.get("/1")


async def test_the_connection_goes_on_after_an_answer_in_parts(client: httpx.AsyncClient) -> None:
    for _ in range(2):
        found = await client.get("/0")

        assert found.json() == {"sessionId": "s", "traces": [1, 2]}
        assert found.headers["transfer-encoding"] == "chunked"
