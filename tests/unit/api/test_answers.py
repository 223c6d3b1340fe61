"""How each exception of a package below is answered."""

from collections.abc import Iterator
from typing import Any

import pytest
from litestar import Litestar, get
from litestar.datastructures import State
from litestar.testing import TestClient

from api.app import exception_handlers
from api.auth import AnyRequest
from clickhouse.failures import (
    QueryTooExpensive,
    StatementRefused,
    WarehouseError,
    WarehouseUnavailable,
)
from controlplane import failures

BUG = {"error": "Internal server error"}
AWAY = {"error": "The store does not answer for now"}


@get("/")
async def fail(request: AnyRequest) -> None:
    raise request.app.state.error


@pytest.fixture
def client() -> Iterator[TestClient[Litestar]]:
    app = Litestar([fail], state=State({}), exception_handlers=exception_handlers())
    with TestClient(app) as opened:
        yield opened


def answer_to(client: TestClient[Litestar], error: Exception) -> tuple[int, Any, str | None]:
    client.app.state.error = error
    answer = client.get("/")
    return answer.status_code, answer.json(), answer.headers.get("Retry-After")


@pytest.mark.parametrize("error", [StatementRefused("no such column"), KeyError("x")])
def test_a_bug_of_ours_is_no_reason_to_come_again(
    client: TestClient[Litestar], error: Exception
) -> None:
    assert answer_to(client, error) == (500, BUG, None)


@pytest.mark.parametrize("error", [WarehouseUnavailable("gone"), WarehouseError("?")])
def test_a_store_that_is_away_is_worth_another_try(
    client: TestClient[Litestar], error: Exception
) -> None:
    assert answer_to(client, error) == (503, AWAY, "2")


def test_a_query_over_its_bounds_is_the_askers(client: TestClient[Litestar]) -> None:
    status, body, retry_after = answer_to(client, QueryTooExpensive("memory"))

    assert (status, retry_after) == (422, None)
    assert "too expensive" in body["error"]


@pytest.mark.parametrize(
    ("error", "status", "retry_after"),
    [
        (failures.BadRequest("x"), 400, None),
        (failures.Unauthorized("x"), 401, None),
        (failures.InvalidCredentials("x"), 401, None),
        (failures.Forbidden("x"), 403, None),
        (failures.NotFound("x"), 404, None),
        (failures.Conflict("x"), 409, None),
        (failures.TooManyRequests("x", retry_after_s=7), 429, "7"),
        (failures.Unavailable("x", retry_after_s=0), 503, "1"),
    ],
)
def test_a_refusal_of_the_control_plane_has_its_status(
    client: TestClient[Litestar], error: Exception, status: int, retry_after: str | None
) -> None:
    assert answer_to(client, error) == (status, {"error": "x"}, retry_after)
