"""What is stored of what unmodified clients send, and how they take a limit and a restart."""

import re
from typing import Any

import pytest

from tests.clients.scenes import RATE_LIMIT, Sent

pytestmark = [pytest.mark.slow, pytest.mark.browser]

SENTRY = ("python", "node", "browser")
OPEN_SENTRY = ("open sentry, node", "open sentry, browser")
EVERY = pytest.mark.parametrize("client", [*SENTRY, *OPEN_SENTRY])
OF_SENTRY = pytest.mark.parametrize("client", SENTRY)
CUT = ("node, flushed", "node, long", "browser, flushed")
"""SDKs whose transaction is under way when its first spans are sent."""
TRACED = pytest.mark.parametrize("client", [*SENTRY, "node, static", *CUT])
OF_CUT = pytest.mark.parametrize("client", CUT)
OF_OPEN_SENTRY = pytest.mark.parametrize("client", OPEN_SENTRY)
SDKS = {
    # It names the framework that it finds installed.
    "python": r"sentry\.python(\.\w+)? 2\.8\.0",
    "node": r"sentry\.javascript\.node 11\.12\.0",
    "browser": r"sentry\.javascript\.browser 11\.12\.0",
}
THROWN = {
    "python": ("ZeroDivisionError", "ZeroDivisionError: division by zero"),
    "default": ("RangeError", "RangeError: cannot divide order 42"),
}
BLOCKED = "Main UI thread blocked"
"""A span that a browser's SDK adds where a busy machine holds its page up."""
TRACE = "0af7651916cd43dd8448eb211c80319c"

All = dict[tuple[str, str], Sent]


def thrown(sent: Sent) -> dict[str, Any]:
    (row,) = [row for row in sent.rows["errors"] if row["level"] == "error"]
    return row


def spans_of(sent: Sent, transaction: dict[str, Any]) -> list[dict[str, Any]]:
    """The rows of a transaction's spans, with it or streamed."""
    rows = [*sent.rows["transaction_spans"], *sent.rows["streamed_spans"]]
    return [row for row in rows if row["event_id"] == transaction["event_id"]]


def checkout(sent: Sent) -> dict[str, Any]:
    (row,) = [row for row in sent.rows["transactions"] if row["name"] == "GET /checkout"]
    return row


class TestErrors:
    @EVERY
    def test_an_error_has_its_stack(self, sent: All, client: str) -> None:
        row = thrown(sent[client, "once"])

        assert (row["type"], row["title"]) == THROWN.get(client, THROWN["default"])
        (exception,) = row["body"]["exceptions"]
        crash = exception["frames"][-1]
        assert (crash["function"], crash["inApp"]) == ("divide", True)
        assert crash["lineno"] > 0
        functions = [frame["function"] for frame in exception["frames"]]
        assert client == "python" or functions[-2] == "checkout"

    @pytest.mark.parametrize("client", ["python", "node"])
    def test_it_has_the_lines_around_where_its_program_has_them(
        self, sent: All, client: str
    ) -> None:
        (exception,) = thrown(sent[client, "once"])["body"]["exceptions"]

        line = exception["frames"][-1]["contextLine"]
        assert ("return number / 0" if client == "python" else "throw new RangeError") in line

    @EVERY
    def test_it_has_what_happened_before_and_around_it(self, sent: All, client: str) -> None:
        row = thrown(sent[client, "once"])

        said = [one.get("message", "") for one in row["body"]["breadcrumbs"]]
        assert [one for one in said if one.startswith("click")] == ["click 0", "click 1", "click 2"]
        assert row["body"]["tags"]["feature"] == "checkout"
        assert (row["environment"], row["release"]) == ("staging", "shop@1.2.3")
        assert row["user_key"] == "ann"

    @OF_SENTRY
    def test_it_has_its_id_its_sdk_and_its_contexts(self, sent: All, client: str) -> None:
        scene = sent[client, "once"]
        row = thrown(scene)

        assert row["event_id"] == scene.results["error"]
        assert re.fullmatch(SDKS[client], row["sdk"])
        assert row["body"]["contexts"]["order"]["lines"] == 3

    @EVERY
    def test_a_message_is_one_too(self, sent: All, client: str) -> None:
        (row,) = [one for one in sent[client, "once"].rows["errors"] if one["level"] == "warning"]

        assert "disk is nearly full" in row["title"]


class TestTransactions:
    @EVERY
    def test_one_has_its_spans(self, sent: All, client: str) -> None:
        scene = sent[client, "once"]
        row = checkout(scene)

        assert (row["status"], row["environment"]) == ("ok", "staging")
        spans = {one["description"]: one for one in spans_of(scene, row)}
        assert spans["render"]["op"] == "view"
        whole = [one for one in spans.values() if "item_id" not in one]
        assert row["spans"] == len(whole)

    @OF_CUT
    def test_all_spans_of_a_trace_that_is_sent_in_pieces_arrive_once(
        self, sent: All, client: str
    ) -> None:
        scene = sent[client, "once"]
        row = checkout(scene)

        said = sorted(one["description"] for one in spans_of(scene, row))
        assert [one for one in said if one != BLOCKED] == ["SELECT 1", "render", "rows"]
        streamed = scene.rows["streamed_spans"]
        ids = {one["span_id"] for one in streamed}
        assert len(ids) == len(streamed) == scene.outcomes["streamed_span accepted"]
        # Or the test would test nothing.
        assert len({one["received_at"] for one in spans_of(scene, row)}) > 1
        assert not [name for name in scene.outcomes if name.endswith((" filtered", " invalid"))]

    @TRACED
    def test_a_span_is_in_the_one_that_it_is_in(self, sent: All, client: str) -> None:
        scene = sent[client, "once"]
        row = checkout(scene)

        assert (row["op"], row["release"], row["user_key"]) == ("http.server", "shop@1.2.3", "ann")
        spans = {one["description"]: one for one in spans_of(scene, row)}
        # In a browser every span is one of the root, as its SDK has it: nothing follows promises.
        within = row if client.startswith("browser") else spans["SELECT 1"]
        assert spans["rows"]["parent_span_id"] == within["span_id"]
        assert spans["SELECT 1"]["parent_span_id"] == row["span_id"]

    @TRACED
    def test_an_error_within_it_has_its_trace_and_its_span(self, sent: All, client: str) -> None:
        scene = sent[client, "once"]
        row, error = checkout(scene), thrown(scene)

        assert row["trace_id"] == error["trace_id"] == scene.results["trace"]
        assert row["span_id"] == error["span_id"]


class TestGenerations:
    @OF_OPEN_SENTRY
    def test_a_cost_that_is_told_is_kept_and_another_is_found(self, sent: All, client: str) -> None:
        traces = {one["modelRequested"]: one for one in sent[client, "once"].traces}

        told, found = traces["openai/gpt-4o"], traces["gpt-4o-mini"]
        assert (told["costCents"], told["inputTokens"], told["outputTokens"]) == (0.123, 1000, 200)
        # 0.15 and 0.60 dollars for a million tokens.
        assert (found["costCents"], found["status"]) == (0.045, "error")
        for one in (told, found):
            assert one["metadata"]["traceId"] == TRACE
            assert one["metadata"]["feature"] == "checkout"
            assert one["metadata"]["userId"] == "ann"


class TestLimits:
    @OF_SENTRY
    def test_an_sdk_that_is_told_to_wait_waits(self, sent: All, client: str) -> None:
        outcomes = sent[client, "many"].outcomes

        # Beside the errors there are envelopes of sessions and the like. One or two may be under
        # way when the SDK is told; the rest it does not send.
        assert RATE_LIMIT - 20 <= outcomes["error accepted"] <= RATE_LIMIT
        assert 1 <= outcomes["error rate_limited"] <= 2

    @OF_OPEN_SENTRY
    def test_what_does_not_wait_is_counted(self, sent: All, client: str) -> None:
        outcomes = sent[client, "many"].outcomes

        assert outcomes["error accepted"] == RATE_LIMIT
        assert outcomes["error accepted"] + outcomes["error rate_limited"] == 70


class TestRestart:
    @EVERY
    def test_nothing_that_was_answered_is_lost(self, sent: All, client: str) -> None:
        scene = sent[client, "untilTold"]

        stored = [row["event_id"] for row in scene.rows["errors"]]
        assert len(stored) == len(set(stored)) == scene.outcomes["error accepted"] >= 8
        if client in SENTRY:
            assert set(scene.results["answered"]) - set(stored) == set()
            assert len(scene.results["answered"]) >= 8
        elif client == "open sentry, node":
            assert scene.results["answered"].count(202) == len(stored)
        else:
            assert scene.results["statuses"].count(202) <= len(stored)
