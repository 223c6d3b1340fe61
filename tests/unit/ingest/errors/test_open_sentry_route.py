"""`POST /v1/ingest`: statuses and bodies of the contract, in its order (3.a.1), and pages (3.d)."""

from typing import Any
from uuid import UUID

import httpx
import msgspec
import pytest

from eventlog.log import LogFull
from ingest.edge import EdgeLimits
from schemas.errors.examples import ITEMS
from schemas.errors.open_sentry import MAX_BODY_BYTES
from tests.unit.ingest.errors.server import INGEST, KEY, OTHER_KEY, UNKNOWN_KEY, Site

ERROR = b'{"type":"error","exception":{}}'
HEADER = {"X-Open-Sentry-Key": KEY}
UNKNOWN = {"X-Open-Sentry-Key": UNKNOWN_KEY}
PAGE = {"Origin": "https://shop.example.com"}


def padded(size: int, start: bytes = ERROR) -> bytes:
    return start + b" " * (size - len(start))


async def post(
    site: Site, body: bytes = ERROR, headers: dict[str, str] | None = None, query: str = ""
) -> httpx.Response:
    async with site.client() as client:
        return await client.post(INGEST + query, content=body, headers=headers or {})


def said(answer: httpx.Response) -> tuple[int, Any]:
    body = answer.json()
    body.pop("details", None)
    return answer.status_code, body


class TestKeys:
    @pytest.mark.parametrize(
        ("headers", "query"),
        [
            ({"X-Open-Sentry-Key": KEY}, ""),
            ({"X-Sentry-Clone-Key": KEY}, ""),
            ({}, f"?key={KEY}"),
            ({}, f"?key={KEY}&key={KEY}"),
            ({}, f"?key={KEY}&key={UNKNOWN_KEY}"),
            ({}, f"?a=b&&key={KEY}&x"),
            ({}, "?key=" + KEY.replace("a", "%61")),
            ({"X-Open-Sentry-Key": KEY, "X-Sentry-Clone-Key": UNKNOWN_KEY}, f"?key={UNKNOWN_KEY}"),
            ({"X-Sentry-Clone-Key": KEY}, f"?key={UNKNOWN_KEY}"),
            ({"X-Open-Sentry-Key": ""}, f"?key={KEY}"),
        ],
    )
    async def test_the_first_place_that_has_one_counts(
        self, headers: dict[str, str], query: str
    ) -> None:
        site = Site()

        answer = await post(site, headers=headers, query=query)

        assert answer.status_code == 202
        assert UUID(answer.json()["id"]).version == 4
        assert [chunk.project_id for chunk in site.chunks] == ["p"]

    async def test_a_key_is_of_its_own_project_alone(self) -> None:
        site = Site()
        await post(site, headers={"X-Open-Sentry-Key": OTHER_KEY})

        assert [chunk.project_id for chunk in site.chunks] == ["q"]


class TestOrderOfErrors:
    @pytest.mark.parametrize("body", [ERROR, b"{", b"[]", padded(MAX_BODY_BYTES + 1)])
    @pytest.mark.parametrize("query", ["", "?key=", "?Key=x", "?sentry_key=x"])
    async def test_a_missing_key_is_said_first(self, body: bytes, query: str) -> None:
        site = Site()

        assert said(await post(site, body, query=query)) == (401, {"error": "Missing auth key"})
        assert (site.chunks, site.counted) == ([], {})

    @pytest.mark.parametrize("headers", [HEADER, UNKNOWN])
    @pytest.mark.parametrize("start", [ERROR, b"{", b"[]"])
    async def test_then_a_body_that_is_too_large(
        self, headers: dict[str, str], start: bytes
    ) -> None:
        answer = await post(Site(), padded(MAX_BODY_BYTES + 1, start), headers)

        assert said(answer) == (413, {"error": "Payload too large"})

    async def test_exactly_so_much_is_not_too_large(self) -> None:
        assert (await post(Site(), padded(MAX_BODY_BYTES), HEADER)).status_code == 202

    @pytest.mark.parametrize("headers", [HEADER, UNKNOWN])
    @pytest.mark.parametrize("body", [b"", b"{", b'{"a":"\xff"}', b"[" * 10_000])
    async def test_then_what_is_no_json(self, headers: dict[str, str], body: bytes) -> None:
        assert said(await post(Site(), body, headers)) == (400, {"error": "Invalid JSON"})

    @pytest.mark.parametrize("headers", [HEADER, UNKNOWN])
    @pytest.mark.parametrize(
        "body", [b"[]", b"1", b"{}", b'{"type":"error"}', b"[" + ERROR + b",1]"]
    )
    async def test_then_what_is_no_item(self, headers: dict[str, str], body: bytes) -> None:
        answer = await post(Site(), body, headers)

        assert said(answer) == (400, {"error": "Invalid payload"})
        assert answer.json()["details"]

    async def test_last_a_key_that_nobody_knows(self) -> None:
        site = Site()

        assert said(await post(site, ERROR, UNKNOWN)) == (403, {"error": "Invalid DSN key"})
        assert (site.chunks, site.counted) == ([], {})

    @pytest.mark.parametrize("start", [ERROR, b"{", b"[]"])
    async def test_the_large_body_of_a_key_that_nobody_knows_is_not_parsed(
        self, start: bytes
    ) -> None:
        answer = await post(Site(), padded((32 << 10) + 1, start), UNKNOWN)

        assert said(answer) == (403, {"error": "Invalid DSN key"})

    @pytest.mark.parametrize("key", ["x", "?" * 5000, "%C3%A9", KEY.upper(), KEY + "0", "%00"])
    async def test_any_text_may_be_a_key_that_nobody_knows(self, key: str) -> None:
        assert (await post(Site(), ERROR, query=f"?key={key}")).status_code == 403


class TestTaken:
    async def test_the_items_are_in_the_log_when_it_answers(self) -> None:
        site = Site()

        answer = await post(site, msgspec.json.encode(ITEMS), HEADER)

        assert answer.status_code == 202
        assert sorted(chunk.wire for chunk in site.chunks) == [
            "errors.error",
            "errors.transaction",
            "pulse.trace",
        ]
        assert {one.head.environment for one in site.sent} == {"staging"}

    @pytest.mark.parametrize("content_type", ["application/json", "text/plain", "", "a/b;c"])
    async def test_the_content_type_does_not_matter(self, content_type: str) -> None:
        answer = await post(Site(), ERROR, HEADER | {"Content-Type": content_type})

        assert answer.status_code == 202

    async def test_a_full_log_is_503_with_seconds(self) -> None:
        site = Site()
        site.log.failure = LogFull("full")

        answer = await post(site, ERROR, HEADER)

        assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
        site.log.failure = None
        await site.edge.flush_rejections()
        assert site.counted == {("error", "overloaded", "log_full"): 1}

    async def test_what_is_rejected_is_in_the_ledger(self) -> None:
        site = Site()
        for body in (b"[" + ERROR + b",{}]", b"{", padded(MAX_BODY_BYTES + 1)):
            await post(site, body, HEADER)

        assert site.counted == {
            ("error", "invalid", "bad_items"): 2,
            ("error", "invalid", "bad_json"): 1,
            ("error", "too_large", "body_bytes"): 1,
        }

    async def test_beyond_the_limit_of_a_key_it_is_429(self) -> None:
        site = Site(EdgeLimits(requests_per_minute=1))

        answers = [await post(site, ERROR, HEADER) for _ in range(2)]

        assert [one.status_code for one in answers] == [202, 429]
        assert int(answers[1].headers["retry-after"]) >= 1


class TestPages:
    async def test_a_preflight_of_any_page_is_answered(self) -> None:
        asked = {
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "content-type",
        }
        async with Site().client() as client:
            answer = await client.options(INGEST + f"?key={KEY}&key={KEY}", headers=PAGE | asked)

        assert answer.status_code == 204
        assert answer.headers["access-control-allow-origin"] == PAGE["Origin"]
        assert answer.headers["access-control-allow-credentials"] == "true"
        assert "POST" in answer.headers["access-control-allow-methods"]
        allowed = answer.headers["access-control-allow-headers"].split(", ")
        assert {"content-type", "x-open-sentry-key", "x-sentry-clone-key"} <= set(allowed)
        assert answer.headers["access-control-max-age"] == "3600"
        assert answer.headers["vary"] == "Origin"

    @pytest.mark.parametrize(
        ("body", "headers", "status"),
        [
            (ERROR, HEADER, 202),
            (ERROR, {}, 401),
            (ERROR, UNKNOWN, 403),
            (b"{", HEADER, 400),
            (padded(MAX_BODY_BYTES + 1), HEADER, 413),
            (ERROR, HEADER | {"Content-Encoding": "rot13"}, 415),
        ],
    )
    async def test_every_answer_can_be_read_by_the_page_that_asked(
        self, body: bytes, headers: dict[str, str], status: int
    ) -> None:
        answer = await post(Site(), body, headers | PAGE)

        assert answer.status_code == status
        assert answer.headers["access-control-allow-origin"] == PAGE["Origin"]
        assert answer.headers["access-control-allow-credentials"] == "true"
        assert answer.headers["access-control-expose-headers"] == "retry-after"

    async def test_without_a_page_nothing_is_said_to_one(self) -> None:
        answer = await post(Site(), ERROR, HEADER)

        assert [name for name in answer.headers if "access-control" in name] == []
