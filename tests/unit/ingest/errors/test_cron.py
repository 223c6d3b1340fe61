"""Check-ins that come as plain requests: who may send them, how they say it, what becomes of it."""

import json
from typing import Any

import httpx
import pytest
from structlog.testing import capture_logs

from api.observing import observed
from eventlog.log import LogFull
from processors.errors.check_ins import read_check_in
from schemas.errors.rows import CheckInRow
from tests.unit.ingest.errors.server import KEY, NUMBER, OTHER_KEY, UNKNOWN_KEY, Site, auth

CRON = f"/api/{NUMBER}/cron/nightly-backup"
BY_PATH = f"{CRON}/{KEY}/"
RUN = "3888f8a20f3b4b4c8d3b5b1e2a6f7c91"
CONFIG = {"schedule": {"type": "crontab", "value": "0 3 * * *"}, "timezone": "Europe/Berlin"}
PAGE = {"Origin": "https://shop.example.com"}


async def ask(site: Site, path: str, method: str = "GET", **sent: Any) -> httpx.Response:
    async with site.client() as client:
        return await client.request(method, path, **sent)


def rows(site: Site) -> list[CheckInRow]:
    """What the stream would store."""
    return [read_check_in(one, key, 1) for one, key in zip(site.sent, site.ids, strict=True)]


class TestKeys:
    @pytest.mark.parametrize(
        ("path", "headers"),
        [
            (f"{CRON}/{KEY}/?status=ok", {}),
            (f"{CRON}/{KEY}?status=ok", {}),
            (f"{CRON}/?status=ok&sentry_key={KEY}", {}),
            (f"{CRON}?sentry_key={KEY}&status=ok", {}),
            (f"{CRON}/?status=ok", auth()),
            (f"{CRON}/?status=ok", {"Authorization": f"Sentry sentry_key={KEY}"}),
        ],
    )
    @pytest.mark.parametrize("method", ["GET", "POST"])
    async def test_they_are_found_in_each_place(
        self, path: str, headers: dict[str, str], method: str
    ) -> None:
        site = Site()

        answer = await ask(site, path, method, headers=headers)

        assert answer.status_code == 202
        assert [(chunk.project_id, chunk.wire) for chunk in site.chunks] == [
            ("p", "errors.check_in")
        ]

    @pytest.mark.parametrize(
        ("path", "status"),
        [
            (f"{CRON}/?status=ok", 401),
            (f"{CRON}/{UNKNOWN_KEY}/?status=ok", 403),
            (f"{CRON}/{OTHER_KEY}/?status=ok", 403),
            (f"{CRON}/{'x' * 200}/?status=ok", 400),
            (f"{CRON}/a%20b/?status=ok", 400),
        ],
    )
    async def test_without_a_right_one_it_is_said_in_sentrys_form(
        self, path: str, status: int
    ) -> None:
        site = Site()

        answer = await ask(site, path, headers=PAGE)

        assert answer.status_code == status
        assert answer.headers["x-sentry-error"] == answer.json()["detail"]
        assert answer.headers["access-control-allow-origin"] == "*"
        assert (site.chunks, site.counted) == ([], {})

    async def test_the_log_of_requests_holds_none(self) -> None:
        async def application(*_: Any) -> None: ...

        told = {"type": "http", "method": "GET", "path": BY_PATH}
        with capture_logs() as lines:
            await observed(application, log_requests=True)(told, None, None)  # type: ignore[arg-type]

        assert [line["path"] for line in lines] == [f"{CRON}/…/"]


class TestParameters:
    async def test_they_say_all_that_a_run_needs(self) -> None:
        site = Site()
        query = f"?status=error&check_in_id={RUN}&environment=staging%20eu&duration=1.5"

        answer = await ask(site, BY_PATH + query)

        assert (answer.status_code, answer.json()) == (202, {"id": RUN})
        (row,) = rows(site)
        assert (row.monitor_slug, row.status, row.check_in_id) == ("nightly-backup", "error", RUN)
        assert (row.environment, row.duration_ns) == ("staging eu", 1_500_000_000)

    @pytest.mark.parametrize("query", ["?status=ok", "?status=ok&check_in_id=&environment="])
    async def test_an_answer_names_a_run_that_has_no_id_and_later_words_may_use_it(
        self, query: str
    ) -> None:
        site = Site()

        first = (await ask(site, BY_PATH + query)).json()["id"]
        other = (await ask(site, BY_PATH + query)).json()["id"]
        await ask(site, f"{BY_PATH}?status=ok&check_in_id={first}")

        assert [row.check_in_id for row in rows(site)] == [first, other, first]
        assert rows(site)[0].environment == "staging", "that of the key"

    async def test_what_is_said_again_of_a_run_counts_once(self) -> None:
        site = Site()

        for _ in range(2):
            await ask(site, f"{BY_PATH}?status=ok&check_in_id={RUN}")

        assert site.ids[0] == site.ids[1]

    @pytest.mark.parametrize(
        "query",
        [
            "",
            "?status=",
            "?duration=1",
            "?status=ok&check_in_id=seven",
            "?status=ok&duration=soon",
            "?status=ok&duration=nan",
            "?status=ok&" + "&".join("x=1" for _ in range(200)),
        ],
    )
    async def test_what_cannot_be_read_is_rejected_and_counted(self, query: str) -> None:
        site = Site()

        answer = await ask(site, BY_PATH + query)

        assert answer.status_code == 400
        assert answer.headers["x-sentry-error"].startswith("Invalid check-in")
        assert site.counted == {("check_in", "invalid", "bad_items"): 1}
        assert site.chunks == []

    async def test_a_monitor_has_a_name_as_addresses_have_it(self) -> None:
        site = Site()

        answers = [
            await ask(site, f"/api/{NUMBER}/cron/{slug}/{KEY}/?status=ok")
            for slug in ("%E2%80%AE", "%20.%00", "Nightly%20%E2%80%AEetc%0a", "x" * 5000)
        ]

        assert [one.status_code for one in answers] == [400, 400, 202, 202]
        assert [row.monitor_slug for row in rows(site)] == ["nightly-etc", "x" * 50]

    async def test_words_and_parameters_that_are_not_known_are_taken(self) -> None:
        site = Site()

        answer = await ask(site, f"{BY_PATH}?status=great&attempt=2")

        assert (answer.status_code, rows(site)[0].status) == (202, "unknown")


class TestBodies:
    @pytest.mark.parametrize("kind", ["application/json", "application/json; charset=utf-8", ""])
    async def test_json_says_more(self, kind: str) -> None:
        site = Site()
        said = {"monitor_slug": "other", "status": "in_progress", "monitor_config": CONFIG}

        answer = await ask(
            site, BY_PATH, "POST", content=json.dumps(said), headers={"Content-Type": kind}
        )

        assert answer.status_code == 202
        (row,) = rows(site)
        assert (row.monitor_slug, row.status) == ("nightly-backup", "in_progress")
        assert json.loads(row.monitor_config) == CONFIG

    async def test_it_counts_before_the_parameters(self) -> None:
        site = Site()

        await ask(site, f"{BY_PATH}?status=ok&duration=7", "POST", json={"status": "error"})

        assert [(row.status, row.duration_ns) for row in rows(site)] == [("error", 7_000_000_000)]

    @pytest.mark.parametrize(
        ("body", "status", "reason"),
        [
            (b"[]", 400, "bad_items"),
            (b"{", 400, "bad_json"),
            (b'{"status":7}', 400, "bad_items"),
            (b'{"status":"ok","monitor_config":[]}', 400, "bad_items"),
            (b'{"status":"\xff"}', 400, "bad_json"),
            (b'{"status":' + b"[" * 30_000, 400, "bad_json"),
            (b'{"status":"ok","x":"' + b"y" * 70_000 + b'"}', 413, "body_bytes"),
        ],
    )
    async def test_what_is_none_is_rejected_and_counted(
        self, body: bytes, status: int, reason: str
    ) -> None:
        site = Site()

        answer = await ask(
            site, BY_PATH, "POST", content=body, headers={"Content-Type": "application/json"}
        )

        assert answer.status_code == status
        assert {key[2]: count for key, count in site.counted.items()} == {reason: 1}


class TestAnswers:
    async def test_a_full_log_is_429_with_limits(self) -> None:
        site = Site()
        site.log.failure = LogFull("full")

        answer = await ask(site, f"{BY_PATH}?status=ok")

        assert (answer.status_code, answer.headers["retry-after"]) == (429, "5")
        assert answer.headers["x-sentry-rate-limits"] == "5::project:log_full"

    async def test_who_only_looks_at_the_address_tells_of_no_run(self) -> None:
        site = Site()

        answer = await ask(site, f"{BY_PATH}?status=ok", "HEAD")

        assert (answer.status_code, site.chunks) == (404, [])

    async def test_a_page_may_send_them(self) -> None:
        site = Site()

        answer = await ask(site, f"{BY_PATH}?status=ok", headers=PAGE)

        assert answer.headers["access-control-allow-origin"] == "*"
