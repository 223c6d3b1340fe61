"""`GET sessions`, `analytics/users` and `analytics/retention`: what is answered, and refused."""

from typing import Any

import pytest
from litestar import Litestar
from litestar.testing import TestClient

from clickhouse.client import Warehouse
from schemas.projects import ProjectContext
from tests.integration.queries.conftest import store_traces
from tests.integration.queries.rows import DAY_US, START_US, make_trace

CENT = 10**10
PATHS = ("sessions", "analytics/users")
HOSTILE = "a/b c?<é_1>"


@pytest.fixture(autouse=True)
def calls(warehouse: Warehouse, project: ProjectContext) -> None:
    """Stores five calls: of ann in two sessions, of bob with an error, of a user with signs."""
    made = (
        ("s1", "ann", 0, 1, {}),
        ("s1", "ann", 8, 2, {"environment": "production"}),
        ("s2", "ann", 9, 3, {}),
        ("s3", "bob", 1, 9, {"status": "error"}),
        (HOSTILE, HOSTILE, 2, 4, {"tags": {"team": "a"}}),
    )
    rows = [
        make_trace(
            project.project_id,
            f"t{number}",
            session_id=session,
            user_id=user,
            timestamp_us=START_US + day * DAY_US,
            computed_cost_pico=cents * CENT,
            **more,
        )
        for number, (session, user, day, cents, more) in enumerate(made)
    ]
    store_traces(warehouse, rows)
    store_traces(warehouse, [make_trace("another", "t0", session_id="s9", user_id="zoe")])


def ask(client: TestClient[Litestar], path: str, **params: Any) -> Any:
    answer = client.get(f"/{path}", params=params)
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.mark.parametrize(
    ("path", "wrong"),
    [
        *((path, wrong) for path in PATHS for wrong in ("limit=201", "limit=0", "sort=name")),
        *((path, wrong) for path in PATHS for wrong in ("cursor=x", "min_cost_cents=-1")),
        *((path, "errors=maybe") for path in PATHS),
        ("sessions", "cursor=1_18446744073709551616"),
        *(("analytics/retention", wrong) for wrong in ("periods=53", "periods=0", "period=hour")),
        ("analytics/retention", "tz=Nowhere"),
        ("analytics/retention", "date_to=soon"),
    ],
)
def test_what_breaks_a_rule_is_rejected(
    client: TestClient[Litestar], path: str, wrong: str
) -> None:
    assert client.get(f"/{path}?{wrong}").status_code == 400


@pytest.mark.parametrize("path", PATHS)
def test_pages_follow_each_other_and_the_first_has_the_totals_of_all(
    client: TestClient[Litestar], path: str
) -> None:
    name = path.rpartition("/")[2]
    whole = ask(client, path, sort="cost")

    seen, cursor = [], {}
    while cursor is not None:
        page = ask(client, path, sort="cost", limit=1, **cursor)
        assert page["totals"] == (None if cursor else whole["totals"])
        seen += page[name]
        cursor = {"cursor": page["nextCursor"]} if page["nextCursor"] else None

    assert seen == whole[name]
    assert whole["nextCursor"] is None
    sums = {"calls": 5, "errors": 1, "costCents": 19.0}
    assert whole["totals"] | sums == whole["totals"]
    assert whole["totals"]["count"] == len(whole[name])


def test_sessions_are_narrowed_by_calls_and_by_what_they_come_to(
    client: TestClient[Litestar],
) -> None:
    def ids(**params: Any) -> list[str]:
        found = ask(client, "sessions", **params)
        assert found["totals"]["count"] == len(found["sessions"])
        return [one["sessionId"] for one in found["sessions"]]

    assert ids() == ["s2", "s1", HOSTILE, "s3"]
    assert ids(sort="first") == ["s2", HOSTILE, "s3", "s1"]
    assert ids(errors="true") == ["s3"]
    assert ids(min_cost_cents=4) == [HOSTILE, "s3"]
    assert ids(environment="production") == ["s1"]
    assert ids(**{"metadata.team": "a"}) == [HOSTILE]
    (one,) = ask(client, "sessions", environment="production")["sessions"]
    assert (one["calls"], one["costCents"], one["users"]) == (1, 2.0, ["ann"])


def test_a_user_is_known_in_the_range_and_over_all_that_is_kept(
    client: TestClient[Litestar],
) -> None:
    (ann,) = ask(client, "analytics/users", user="ann", environment="production")["users"]

    assert ann["calls"] == 1
    assert ann["firstSeen"] == ann["lastSeen"]
    assert ann["firstSeenEver"] < ann["firstSeen"] < ann["lastSeenEver"]


def test_who_came_back_is_told_by_period_of_a_zone(client: TestClient[Litestar]) -> None:
    last = ask(client, "sessions")["sessions"][0]["lastSeen"]

    found = ask(
        client,
        "analytics/retention",
        period="day",
        periods=10,
        date_to=last,
        tz="Europe/Berlin",
    )

    assert (found["period"], found["timeZone"]) == ("day", "Europe/Berlin")
    assert [one["users"] for one in found["cohorts"]] == [1, 1, 1, 0, 0, 0, 0, 0, 0, 0]
    assert found["cohorts"][0]["seen"] == [1, 0, 0, 0, 0, 0, 0, 0, 1, 1]
