"""How requests of OTLP are answered, and what of them is in the log."""

import gzip
import json
from typing import Any

import pytest
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status

from eventlog.log import LogFull
from ingest.body import BodyLimits
from ingest.edge import EdgeLimits
from ingest.otel.forms import TAKEN
from schemas.otel.items import unpack
from tests.conformance.otlp.__main__ import run, table
from tests.conformance.otlp.server import Server
from tests.unit.ingest.otel.server import (
    BEARER,
    DSN_KEY,
    ENVIRONMENT,
    KEY,
    NUMBER,
    OTHER_KEY,
    Receiver,
    basic,
)
from tests.unit.schemas.otel.requests import (
    REQUESTS,
    SPAN_ID,
    TRACE_ID,
    as_json,
    as_protobuf,
    logs,
    record,
    span,
    traces,
)

PROTOBUF, JSON = "application/x-protobuf", "application/json"
BOTH = pytest.mark.parametrize("content_type", [PROTOBUF, JSON])
ONE = traces(span())
AS_SENTRY = {"x-sentry-auth": f"sentry sentry_key={DSN_KEY}"}
SENTRY = f"/api/{NUMBER}/integration/otlp/v1/traces"


def sent_as(request: dict[str, Any], content_type: str, signal: str = "traces") -> bytes:
    if content_type == JSON:
        return as_json(request)
    return as_protobuf(REQUESTS[signal][0], request)


def status_of(answer: Any) -> tuple[int, str, int | None]:
    """Code, message and seconds to wait of a failure, whose encoding is that of its request."""
    if answer.headers["content-type"] == JSON:
        told = answer.json()
        delays = [one["retryDelay"].removesuffix("s") for one in told.get("details", ())]
        return told["code"], told["message"], int(delays[0]) if delays else None
    assert answer.headers["content-type"] == PROTOBUF
    status = Status.FromString(answer.content)
    for one in status.details:
        delay = RetryInfo()
        assert one.Unpack(delay)
        return status.code, status.message, delay.retry_delay.seconds
    return status.code, status.message, None


def test_every_rule_of_the_conformance_suite_is_kept() -> None:
    receiver = Receiver()

    found = run(Server(receiver.client, BEARER), list(TAKEN))

    assert {one.word for one in found} == {"ok"}, table(found)


class TestFailures:
    @BOTH
    @pytest.mark.parametrize(
        "headers",
        [
            {},
            {"authorization": "Bearer pulse_sk_wrong"},
            {"authorization": f"bearer {KEY}"},
            {"authorization": "Basic ???"},
            basic("pk-lf-1", "sk-lf-1"),
            {"x-api-key": "pulse_sk_wrong"},
            {"x-sentry-auth": "sentry sentry_key=" + "f" * 32},
        ],
    )
    def test_a_wrong_key_or_none_is_unauthenticated(
        self, content_type: str, headers: dict[str, str]
    ) -> None:
        receiver = Receiver()
        answer = receiver.post("/v1/traces", sent_as(ONE, content_type), content_type, headers)

        code, message, _ = status_of(answer)
        assert (answer.status_code, code) == (401, 16)
        assert message
        assert receiver.kept() == []

    @BOTH
    def test_the_key_of_another_project_than_the_named_one_is_refused(
        self, content_type: str
    ) -> None:
        receiver = Receiver()
        headers = {"authorization": f"Bearer {OTHER_KEY}", "x-project-id": "own"}
        answer = receiver.post("/v1/traces", sent_as(ONE, content_type), content_type, headers)

        assert (answer.status_code, status_of(answer)[0]) == (403, 7)
        assert receiver.kept() == []

    @pytest.mark.parametrize(
        ("path", "key"),
        [
            (SENTRY, "f" * 32),
            (SENTRY.replace("7", "8"), DSN_KEY),
        ],
    )
    def test_the_route_of_sentry_wants_the_dsn_key_of_its_number(self, path: str, key: str) -> None:
        receiver = Receiver()
        auth = {"x-sentry-auth": f"sentry sentry_key={key}"}

        assert receiver.post(path, sent_as(ONE, JSON), JSON, auth).status_code == 403
        assert receiver.post(path, sent_as(ONE, JSON), JSON, BEARER).status_code == 401
        assert receiver.kept() == []

    @BOTH
    def test_a_full_log_says_when_to_come_again(self, content_type: str) -> None:
        receiver = Receiver()
        receiver.log.failure = LogFull("full")
        answer = receiver.post("/v1/traces", sent_as(ONE, content_type), content_type)

        assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
        assert status_of(answer)[::2] == (14, 5)
        if content_type == JSON:
            assert answer.json()["error"] == "Failed to enqueue span"

    @BOTH
    def test_too_many_requests_a_minute_are_told_when_to_come_again(
        self, content_type: str
    ) -> None:
        receiver = Receiver(EdgeLimits(requests_per_minute=1))
        sent = sent_as(ONE, content_type)
        receiver.post("/v1/traces", sent, content_type)
        answer = receiver.post("/v1/traces", sent, content_type)

        code, _, seconds = status_of(answer)
        assert (answer.status_code, code) == (429, 8)
        assert answer.headers["retry-after"] == str(seconds)

    def test_a_nearly_full_log_is_kept_for_who_does_not_send_again(self) -> None:
        receiver = Receiver()
        receiver.log.fullness = 0.95
        sent = sent_as(ONE, JSON)

        assert receiver.post("/v1/traces", sent, JSON).status_code == 503
        of_pulse = {**BEARER, "x-project-id": "own"}
        assert receiver.post("/v1/traces", sent, JSON, of_pulse).status_code == 200

    @BOTH
    def test_a_body_beyond_the_bounds_is_413_and_not_to_be_sent_again(
        self, content_type: str
    ) -> None:
        receiver = Receiver(EdgeLimits(body=BodyLimits(max_wire_bytes=500, max_inflated_bytes=600)))
        many = sent_as(traces(*[span(name="x" * 100)] * 9), content_type)
        zipped = {**BEARER, "content-encoding": "gzip"}
        for body, headers in ((many, BEARER), (gzip.compress(many), zipped)):
            answer = receiver.post("/v1/traces", body, content_type, headers)

            assert answer.status_code == 413
            assert status_of(answer)[::2] == (8, None)

    @pytest.mark.parametrize("content_type", ["", "text/plain", "application/xml; a=b"])
    def test_another_content_type_is_told_both_that_are_taken(self, content_type: str) -> None:
        answer = Receiver().post("/v1/traces", b"{}", content_type)

        assert answer.status_code == 415
        assert answer.json()["code"] == 3
        assert all(one in answer.json()["error"] for one in (PROTOBUF, JSON))

    @pytest.mark.parametrize(
        ("body", "error"),
        [
            (b"", "Invalid JSON body"),
            (b"{", "Invalid JSON body"),
            (b'{"resourceSpans":5}', "Invalid JSON body"),
            (b'{"resourceLogs":[]}', "Missing resourceSpans"),
        ],
    )
    def test_clients_of_pulse_read_what_its_server_says(self, body: bytes, error: str) -> None:
        answer = Receiver().post("/v1/traces", body, JSON)

        assert (answer.status_code, answer.json()["error"]) == (400, error)

    def test_a_bug_is_a_status_too(self, monkeypatch: pytest.MonkeyPatch) -> None:
        receiver = Receiver()
        monkeypatch.setattr(receiver.edge, "accept", None)
        answer = receiver.post("/v1/traces", sent_as(ONE, PROTOBUF), PROTOBUF)

        assert (answer.status_code, status_of(answer)[0]) == (500, 13)


class TestTaking:
    @pytest.mark.parametrize("path", ["/v1", "/otlp/v1", "/api/public/otel/v1"])
    @pytest.mark.parametrize(
        "headers",
        [
            BEARER,
            {"x-api-key": KEY},
            basic("pk-lf-1", KEY),
            basic(KEY, ""),
            {"x-sentry-auth": f"sentry sentry_key={DSN_KEY}"},
            {"authorization": f"Sentry sentry_key={DSN_KEY}, sentry_version=7"},
            {**BEARER, "x-project-id": "OWN"},
        ],
    )
    def test_each_credential_sends_to_its_project_on_each_path(
        self, path: str, headers: dict[str, str]
    ) -> None:
        receiver = Receiver()
        answer = receiver.post(f"{path}/traces", sent_as(ONE, PROTOBUF), PROTOBUF, headers)

        assert (answer.status_code, answer.content) == (200, b"")
        assert [project for project, *_ in receiver.kept()] == ["own"]

    def test_a_dsn_key_sends_where_sentry_takes_spans(self) -> None:
        receiver = Receiver()
        auth = {"x-sentry-auth": f"sentry sentry_key={DSN_KEY}"}

        assert receiver.post(SENTRY, sent_as(ONE, JSON), JSON, auth).status_code == 200
        assert len(receiver.kept()) == 1

    @pytest.mark.parametrize(
        ("path", "headers", "environment"),
        [
            (SENTRY, AS_SENTRY, ENVIRONMENT),
            ("/v1/traces", AS_SENTRY, ENVIRONMENT),
            (f"/v1/traces?sentry_key={DSN_KEY}", {}, ENVIRONMENT),
            ("/v1/traces", BEARER, ""),
        ],
    )
    def test_an_item_has_the_environment_of_its_dsn_key_with_it(
        self, path: str, headers: dict[str, str], environment: str
    ) -> None:
        receiver = Receiver()

        assert receiver.post(path, sent_as(ONE, JSON), JSON, headers).status_code == 200
        assert [unpack(item).environment for *_, item in receiver.kept()] == [environment]

    def test_a_record_has_the_id_that_it_would_have_without_an_environment(self) -> None:
        receiver, sent = Receiver(), as_json(logs(record()))

        for headers in (BEARER, AS_SENTRY):
            receiver.post("/v1/logs", sent, JSON, headers)

        (_, first, plain), (_, second, placed) = receiver.kept()
        assert first == second
        assert plain != placed

    @BOTH
    def test_a_span_is_kept_as_it_was_sent_with_what_stood_around_it(
        self, content_type: str
    ) -> None:
        receiver = Receiver()
        receiver.post("/v1/traces", sent_as(ONE, content_type), content_type)

        [(_, item_id, item)] = receiver.kept()
        packed = unpack(item)
        assert item_id == f"{TRACE_ID}-{SPAN_ID}"
        if content_type == JSON:
            sent = ONE["resourceSpans"][0]
            assert json.loads(packed.body) == sent["scopeSpans"][0]["spans"][0]
            assert json.loads(packed.resource) == sent["resource"]
            assert json.loads(packed.scope) == sent["scopeSpans"][0]["scope"]
        else:
            request = REQUESTS["traces"][0].FromString(sent_as(ONE, PROTOBUF))
            [sender] = request.resource_spans
            [library] = sender.scope_spans
            assert packed.body == library.spans[0].SerializeToString()
            assert packed.resource == sender.resource.SerializeToString()
            assert packed.scope == library.scope.SerializeToString()

    @BOTH
    def test_what_is_rejected_is_in_the_answer_and_in_the_ledger(self, content_type: str) -> None:
        receiver = Receiver()
        sent = traces(span(), span(traceId="0" * 32), span(name="x" * (1 << 20)))
        answer = receiver.post("/v1/traces", sent_as(sent, content_type), content_type)

        assert answer.status_code == 200
        assert len(receiver.kept()) == 1
        counted = {(one.kind, one.outcome, one.reason, one.count) for one in receiver.log.refusals}
        assert counted == {
            ("otel_span", "invalid", "bad_trace_id", 1),
            ("otel_span", "too_large", "item_bytes", 1),
        }
        if content_type == JSON:
            partial = answer.json()["partialSuccess"]
            assert partial["rejectedSpans"] == 2
            assert "bad_trace_id" in partial["errorMessage"]

    def test_a_cut_emoji_of_javascript_is_repaired(self) -> None:
        receiver = Receiver()
        sent = as_json(traces(span(name="CUT"))).replace(b"CUT", rb"a\ud83d")
        answer = receiver.post("/v1/traces", sent, JSON)

        assert answer.json() == {}
        [(_, _, item)] = receiver.kept()
        assert json.loads(unpack(item).body)["name"] == "a\ufffd"

    def test_items_that_outgrow_their_request_count_among_the_bodies_in_hand(self) -> None:
        """The resource goes with each span: 1,000 of them hold 100 times what came."""
        limits = BodyLimits(max_inflated_bytes=1 << 20, max_total_bytes=4 << 20)
        receiver = Receiver(EdgeLimits(body=limits))
        budget = receiver.edge._budget
        taken: list[int] = []
        grow = receiver.edge._grow
        receiver.edge._grow = lambda *of: taken.append(grow(*of)) or taken[-1]  # type: ignore[method-assign,func-returns-value]
        small = span(attributes=[], events=[], links=[])
        sent = traces(*[small] * 1_000)
        large = {"key": "k", "value": {"stringValue": "x" * 20_000}}
        sent["resourceSpans"][0]["resource"] = {"attributes": [large]}
        answer = receiver.post("/v1/traces", sent_as(sent, PROTOBUF), PROTOBUF)

        assert answer.status_code == 200
        assert taken[0] > 900_000
        budget.take(receiver_project(), limits.max_project_bytes)  # all was given back


def receiver_project() -> Any:
    return "own"
