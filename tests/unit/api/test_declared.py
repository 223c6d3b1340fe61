"""What an endpoint does not take is rejected, with the nearest name that it takes."""

from typing import Any

import pytest
from litestar import Request, get

from api.declared import declared_by, reject_unknown, takes
from api.llm import analytics, spans, traces
from api.parameters import InvalidParameters


def message_of(handler: Any, query: str) -> str | None:
    """Returns what is wrong with a query, `None` where nothing is."""
    scope: Any = {"type": "http", "query_string": query.encode(), "route_handler": handler}
    try:
        reject_unknown(Request(scope))
    except InvalidParameters as error:
        (issue,) = error.details or []
        return issue.message
    return None


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("usr=nobody", "Unknown parameter 'usr'; did you mean 'user'?"),
        ("USER=nobody", None),
        ("limt=5", "Unknown parameter 'limt'; did you mean 'limit'?"),
        ("sessionId=a", "Unknown parameter 'sessionId'; did you mean 'session_id'?"),
        ("metadata=a", "Unknown parameter 'metadata'; did you mean 'metadata.<key>'?"),
        ("metadat.team=a", "Unknown parameter 'metadat.team'; did you mean 'metadata.<key>'?"),
        ("metadata.=a", "Expected a key after 'metadata.'"),
        ("metadata.%20=a", "Expected a key after 'metadata.'"),
        ("user%20=a", "Unknown parameter 'user '; did you mean 'user'?"),
    ],
)
def test_a_misspelt_filter_is_rejected_with_the_nearest_name(
    query: str, message: str | None
) -> None:
    found = message_of(traces.list_traces, query)

    if message is None:
        assert found is not None
        assert found.startswith("Unknown parameter 'USER'")
    else:
        assert found == message


@pytest.mark.parametrize("query", ["=x", "=", "qqqqqq=1"])
def test_where_no_name_is_near_all_are_named(query: str) -> None:
    found = message_of(spans.list_spans, query) or ""

    assert "expected one of tz, session_id, source, kind, tool_name, status, q, limit" in found


def test_an_endpoint_without_parameters_says_so() -> None:
    found = message_of(traces.get_trace, "limit=1")

    assert found == "Unknown parameter 'limit': none is taken here"


@pytest.mark.parametrize(
    "query",
    [
        "",
        "&&",
        "user=a&limit=1&offset=0&date_from=0&date_to=1&metadata.team=red&metadata.a%20=b",
        "min_cost_cents=1&max_latency_ms=2&model_used=x",
    ],
)
def test_what_is_declared_is_taken(query: str) -> None:
    assert message_of(traces.list_traces, query) is None


def test_what_is_declared_is_what_the_shapes_name() -> None:
    declared = declared_by(analytics.get_analytics)

    assert "group_by" in declared.names
    assert "session_id" in declared.names
    assert declared.prefixes == ("metadata.",)


def test_a_handler_that_declares_nothing_takes_nothing() -> None:
    @get("/x", sync_to_thread=False)
    def handler() -> None: ...

    assert declared_by(handler).names == []
    assert takes()["parameters"] == declared_by(handler)
