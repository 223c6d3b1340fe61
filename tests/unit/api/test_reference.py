"""`/docs` where one address serves several processes."""

from litestar import Litestar
from litestar.datastructures import State
from litestar.testing import TestClient

from api.reference import reference_router
from sluice.web import every_route, out_routes


def paths_of(state: State) -> set[str]:
    app = Litestar([*out_routes(), reference_router()], state=state, openapi_config=None)
    with TestClient(app) as client:
        return set(client.get("/docs/openapi.json").json()["paths"])


def test_an_api_process_describes_what_edges_answer_too() -> None:
    alone, together = paths_of(State()), paths_of(State({"described": every_route}))

    assert "/v1/traces/batch" not in alone
    assert together > alone
    assert {"/v1/traces/batch", "/v1/spans/async"} <= together
