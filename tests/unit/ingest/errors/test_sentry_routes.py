"""The routes of Sentry's SDKs: who may send, how bodies may come, and what is answered."""

import gzip
import tracemalloc
import zlib
from collections.abc import AsyncIterator
from functools import partial
from typing import Any

import brotli
import httpx
import pytest
import zstandard

from eventlog.log import LogFull
from ingest.body import BodyLimits
from ingest.edge import EdgeLimits
from ingest.errors.envelope import MAX_LINE_BYTES
from schemas.metrics import REGISTRY
from tests.unit.ingest.errors.server import (
    ENVELOPE,
    INGEST,
    KEY,
    NUMBER,
    OTHER_KEY,
    STORE,
    UNKNOWN_KEY,
    Site,
    auth,
    envelope,
)

CRON = f"/api/{NUMBER}/cron/nightly/?status=ok"
ID = "9ec79c33ec9942ab8353589fcb2e04dc"
EVENT = ({"type": "event"}, b'{"message":"hi"}')
BODY = envelope(EVENT, event_id=ID)
PAGE = {"Origin": "https://shop.example.com"}
MISSING = "missing authorization information: no sentry_key"
UNKNOWN = "event submission rejected: unknown DSN key"
OTHER = "event submission rejected: the DSN key belongs to another project number"


async def post(
    site: Site, path: str = ENVELOPE, body: Any = BODY, headers: dict[str, str] | None = None
) -> httpx.Response:
    async with site.client() as client:
        return await client.post(path, content=body, headers=auth() if headers is None else headers)


class TestKeys:
    @pytest.mark.parametrize(
        ("headers", "query"),
        [
            (auth(), ""),
            ({"X-Sentry-Auth": f"Sentry sentry_version=7,sentry_client=a/1,sentry_key={KEY}"}, ""),
            ({"X-Sentry-Auth": f"sentry  sentry_key={KEY}  ,  sentry_secret={UNKNOWN_KEY}"}, ""),
            ({"X-Sentry-Auth": f"sentry_key={KEY}"}, ""),
            ({"X-Sentry-Auth": f"SENTRY sentry_key = {KEY},"}, ""),
            ({"Authorization": f"Sentry sentry_key={KEY}, sentry_version=7"}, ""),
            ({}, f"?sentry_key={KEY}&sentry_version=7&sentry_client=sentry.javascript.browser/10"),
            ({}, f"?sentry_version=7&sentry_key={KEY}"),
            ({"Authorization": "Bearer x"}, f"?sentry_key={KEY}"),
            (auth(), f"?sentry_key={UNKNOWN_KEY}"),
        ],
    )
    @pytest.mark.parametrize("path", [ENVELOPE, ENVELOPE[:-1], STORE, STORE[:-1]])
    async def test_they_are_found_wherever_sdks_put_them(
        self, headers: dict[str, str], query: str, path: str
    ) -> None:
        site = Site()
        body = BODY if "envelope" in path else EVENT[1]

        answer = await post(site, path + query, body, headers)

        assert answer.status_code == 200
        assert [chunk.project_id for chunk in site.chunks] == ["p"]

    @pytest.mark.parametrize("encoding", ["identity", "gzip", "br"])
    async def test_one_may_stand_in_the_envelope_itself(self, encoding: str) -> None:
        site = Site()
        event = ({"type": "event"}, b'{"x":"' + b"y" * 300_000 + b'"}')
        body = envelope(event, dsn=f"https://{KEY}@tunnel.example.com/7")
        sent = {"gzip": gzip.compress, "br": brotli.compress}.get(encoding, bytes)(body)

        answer = await post(site, ENVELOPE, sent, {"Content-Encoding": encoding})

        assert answer.status_code == 200
        assert [bytes(one.item) for one in site.sent] == [event[1]]

    async def test_no_more_is_read_of_the_body_of_nobody_than_its_first_line(self) -> None:
        taken = 0

        async def endless() -> AsyncIterator[bytes]:
            nonlocal taken
            yield b"{}\n"
            while taken < 1000:
                taken += 1
                yield b"x" * 65_536

        answer = await post(Site(), ENVELOPE, endless(), {})

        assert (answer.status_code, answer.json()["detail"]) == (401, MISSING)
        assert taken <= 1

    @pytest.mark.parametrize(
        ("headers", "body", "status", "detail"),
        [
            ({}, BODY, 401, MISSING),
            ({}, b"", 401, MISSING),
            ({}, b"x" * 3 * MAX_LINE_BYTES, 401, MISSING),
            ({}, b'{"dsn":"https://host/7"}', 401, MISSING),
            ({}, b'{"dsn":"http://["}', 401, MISSING),
            ({"X-Sentry-Auth": ""}, BODY, 401, MISSING),
            ({"X-Sentry-Auth": "Sentry"}, BODY, 401, MISSING),
            ({"X-Sentry-Auth": "Sentry sentry_version=7"}, BODY, 401, MISSING),
            ({"X-Sentry-Auth": f"Bearer {KEY}"}, BODY, 401, MISSING),
            ({"X-Sentry-Auth": "Sentry sentry_key="}, BODY, 401, MISSING),
            ({"Authorization": f"Bearer {KEY}"}, BODY, 401, MISSING),
            (auth("a:b"), BODY, 400, "bad sentry DSN public key"),
            (auth("x" * 200), BODY, 400, "bad sentry DSN public key"),
            (auth(UNKNOWN_KEY), BODY, 403, UNKNOWN),
            (auth("short"), BODY, 403, UNKNOWN),
            (auth(OTHER_KEY), BODY, 403, OTHER),
            ({}, b'{"dsn":"https://%b@host/7"}' % UNKNOWN_KEY.encode(), 403, UNKNOWN),
        ],
    )
    async def test_without_a_right_one_it_is_said_in_sentrys_form(
        self, headers: dict[str, str], body: bytes, status: int, detail: str
    ) -> None:
        site = Site()

        answer = await post(site, ENVELOPE, body, headers | PAGE)

        assert (answer.status_code, answer.json()) == (status, {"detail": detail})
        assert answer.headers["x-sentry-error"] == detail
        assert answer.headers["access-control-allow-origin"] == "*"
        assert (site.chunks, site.counted) == ([], {})

    @pytest.mark.parametrize("number", ["8", "0", "-7", "9" * 400])
    async def test_the_number_is_that_of_the_keys_project(self, number: str) -> None:
        answer = await post(Site(), f"/api/{number}/envelope/")

        assert (answer.status_code, answer.json()["detail"]) == (403, OTHER)

    @pytest.mark.parametrize("number", ["x", "7x", "", "9" * 5000, "auth", "v1"])
    async def test_what_is_no_number_is_no_route_of_these(self, number: str) -> None:
        assert (await post(Site(), f"/api/{number}/envelope/")).status_code == 404

    async def test_other_routes_below_api_stay_what_they_are(self) -> None:
        async with Site().client() as client:
            answers = [
                await client.get(f"/api/{one}") for one in ("auth/get-session", "v1/projects")
            ]

        assert [one.text for one in answers] == ["session", "projects"]


class TestBodies:
    @pytest.mark.parametrize(
        ("encoding", "pack"),
        [
            ("gzip", gzip.compress),
            ("deflate", zlib.compress),
            ("br", brotli.compress),
            ("zstd", zstandard.ZstdCompressor().compress),
            ("identity", bytes),
            ("GZIP", gzip.compress),
        ],
    )
    async def test_they_may_be_compressed(self, encoding: str, pack: Any) -> None:
        site = Site()

        answer = await post(site, body=pack(BODY), headers=auth() | {"Content-Encoding": encoding})

        assert (answer.status_code, answer.json()) == (200, {"id": ID})
        assert site.ids == [ID]

    @pytest.mark.parametrize(
        "kind",
        [
            "application/x-sentry-envelope",
            "text/plain;charset=UTF-8",
            "application/x-www-form-urlencoded",
            "multipart/form-data; boundary=x",
            "application/json",
            "",
            "no type",
        ],
    )
    async def test_their_content_type_does_not_matter(self, kind: str) -> None:
        assert (await post(Site(), headers=auth() | {"Content-Type": kind})).status_code == 200

    async def test_they_may_come_in_pieces(self) -> None:
        async def pieces() -> AsyncIterator[bytes]:
            for at in range(len(BODY)):
                yield BODY[at : at + 1]

        site = Site()

        assert (await post(site, body=pieces())).status_code == 200
        assert site.ids == [ID]

    @pytest.mark.parametrize(
        ("encoding", "pack"),
        [
            ("gzip", gzip.compress),
            ("deflate", zlib.compress),
            ("br", partial(brotli.compress, quality=1)),
            ("zstd", zstandard.ZstdCompressor().compress),
        ],
    )
    @pytest.mark.parametrize("path", [ENVELOPE, STORE, INGEST, CRON])
    async def test_a_bomb_is_inflated_no_further_than_its_bound(
        self, encoding: str, pack: Any, path: str
    ) -> None:
        site = Site(EdgeLimits(body=BodyLimits(1 << 20, 1 << 20)))
        bomb = pack(bytes(64 << 20))
        sent = auth() | {"X-Open-Sentry-Key": KEY, "Content-Encoding": encoding}

        tracemalloc.start()
        answer = await post(site, path, bomb[: 1 << 16], sent)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()

        assert answer.status_code == 413
        assert peak < 4 << 20
        assert set(site.counted.values()) == {1}

    @pytest.mark.parametrize(
        ("headers", "body", "status", "reason"),
        [
            ({}, b"", 400, "bad_json"),
            ({}, b"no envelope", 400, "bad_json"),
            ({}, b'{}\n{"type":"event"}\n{', 400, "bad_json"),
            ({}, b'{}\n{"type":"event","length":9}\n{}', 400, "bad_items"),
            ({}, b'{}\n{"type":"event"}\n[]', 400, "bad_items"),
            ({"Content-Encoding": "gzip"}, b"{}", 400, "bad_json"),
            ({"Content-Encoding": "rot13"}, b"{}", 415, "content_encoding"),
            ({}, b"{}\n" + b" " * 5000, 413, "body_bytes"),
            ({"Content-Encoding": "gzip"}, gzip.compress(b" " * 5000, mtime=0), 413, "body_bytes"),
            ({}, envelope(({"type": "event"}, b" " * 1500)), 413, "item_bytes"),
        ],
    )
    async def test_what_is_wrong_with_one_is_said_and_counted(
        self, headers: dict[str, str], body: bytes, status: int, reason: str
    ) -> None:
        site = Site(EdgeLimits(body=BodyLimits(4000, 4000), max_item_bytes=1000))

        answer = await post(site, body=body, headers=auth() | headers | PAGE)

        assert answer.status_code == status
        assert answer.json().keys() == {"detail"}
        assert answer.headers["x-sentry-error"]
        assert answer.headers["access-control-allow-origin"] == "*"
        assert {key[2]: count for key, count in site.counted.items()} == {reason: 1}
        assert site.chunks == []


class TestAnswers:
    @pytest.mark.parametrize("body", [b"{}", b"{}\n", envelope(({"type": "session"}, b"{}"))])
    async def test_where_there_is_no_event_there_is_no_id(self, body: bytes) -> None:
        site = Site()

        answer = await post(site, body=body)

        assert (answer.status_code, answer.json(), site.chunks) == (200, {}, [])

    async def test_what_is_not_kept_is_counted_when_it_answers(self) -> None:
        site = Site()
        lost = b'{"discarded_events":[{"reason":"network_error","category":"error","quantity":4}]}'

        answer = await post(
            site,
            body=envelope(
                EVENT,
                ({"type": "profile", "length": 3}, b"\0\n\1"),
                ({"type": "new_thing"}, b"x"),
                ({"type": "client_report"}, lost),
                event_id=ID,
            ),
        )

        assert (answer.status_code, answer.json()) == (200, {"id": ID})
        assert site.ids == [ID]
        assert site.counted == {
            ("sentry_profile", "filtered", "unsupported_item"): 1,
            ("sentry_unknown", "filtered", "unsupported_item"): 1,
            ("error", "client_discard", "network_error"): 4,
        }

    async def test_metrics_tell_what_is_not_kept_from_what_is_rejected(self) -> None:
        labels = {"kind": "sentry_nel", "reason": "filtered:unsupported_item"}
        names = ("sluice_items_not_kept_total", "sluice_items_rejected_total")

        await post(Site(), body=envelope(({"type": "nel"}, b"{}")))

        assert [REGISTRY.get_sample_value(name, labels) for name in names] == [1.0, None]

    async def test_a_full_log_is_429_with_limits_that_sdks_keep(self) -> None:
        site = Site()
        site.log.failure = LogFull("full")
        body = envelope(EVENT, ({"type": "transaction"}, b"{}"), ({"type": "session"}, b"{}"))

        answer = await post(site, body=body, headers=auth() | PAGE)

        assert (answer.status_code, answer.headers["retry-after"]) == (429, "5")
        assert answer.headers["x-sentry-rate-limits"] == "5::project:log_full"
        assert answer.headers["access-control-expose-headers"] == (
            "x-sentry-error, x-sentry-rate-limits, retry-after"
        )
        site.log.failure = None
        await site.edge.flush_rejections()
        assert site.counted == {
            ("error", "overloaded", "log_full"): 1,
            ("transaction", "overloaded", "log_full"): 1,
            ("session", "invalid", "bad_items"): 1,
        }

    async def test_a_nearly_full_log_still_takes_what_no_sdk_sends_again(self) -> None:
        site = Site()
        site.log.fullness = 0.99

        assert (await post(site)).status_code == 200

    async def test_beyond_the_limit_of_a_key_it_is_429_with_limits(self) -> None:
        site = Site(EdgeLimits(requests_per_minute=1))

        answers = [await post(site) for _ in range(2)]

        assert [one.status_code for one in answers] == [200, 429]
        seconds = answers[1].headers["retry-after"]
        assert 1 <= int(seconds) <= 60
        assert answers[1].headers["x-sentry-rate-limits"] == f"{seconds}::key:requests_per_minute"
        assert site.counted == {("error", "rate_limited", "requests_per_minute"): 1}

    async def test_while_nobody_can_say_whose_key_it_is_sdks_wait_too(self) -> None:
        site = Site()
        site.keys.is_away = True

        answer = await post(site)

        assert (answer.status_code, answer.headers["retry-after"]) == (429, "2")
        assert answer.headers["x-sentry-rate-limits"] == "2::project:unavailable"


class TestPages:
    @pytest.mark.parametrize("path", [ENVELOPE, ENVELOPE[:-1], STORE, f"{ENVELOPE}?sentry_key=x"])
    async def test_a_preflight_of_any_page_is_answered(self, path: str) -> None:
        asked = PAGE | {"Access-Control-Request-Method": "POST"}
        async with Site().client() as client:
            answer = await client.options(path, headers=asked)

        assert answer.status_code == 204
        assert answer.headers["access-control-allow-origin"] == "*"
        assert "access-control-allow-credentials" not in answer.headers
        assert answer.headers["access-control-max-age"] == "3600"
        allowed = set(answer.headers["access-control-allow-headers"].split(", "))
        assert allowed >= {
            *("x-sentry-auth", "content-type", "content-encoding", "authorization"),
            *("authentication", "x-requested-with", "origin", "accept", "referer"),
            *("transfer-encoding", "x-forwarded-for", "sentry-trace", "baggage"),
        }

    async def test_a_page_can_read_the_answer(self) -> None:
        answer = await post(Site(), headers=auth() | PAGE)

        assert answer.headers["access-control-allow-origin"] == "*"
        assert "x-sentry-rate-limits" in answer.headers["access-control-expose-headers"]

    async def test_another_route_is_open_to_no_page(self) -> None:
        async with Site().client() as client:
            answer = await client.get("/api/v1/projects", headers=PAGE)

        assert [name for name in answer.headers if "access-control" in name] == []
