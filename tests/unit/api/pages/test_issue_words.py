"""Issues in words: what forms ask for, what happened, and how a first error is sent."""

import ast
from typing import Any
from urllib.parse import urlsplit

import pytest

from api.pages.errors.issues.acts import Act, act_of, chosen_in
from api.pages.errors.issues.done import Done, done_in, written
from api.pages.errors.issues.history import history_of, state_text
from api.pages.errors.issues.samples import SAMPLES, sending_of
from controlplane.failures import BadRequest
from schemas.errors.issues import ActivityRow, IssueRow
from schemas.projects import ProjectId, UserId

ANN = UserId("u1")
NAMES = {"u1": "Ann", "u2": "Bo"}
KEY = "0123456789abcdef0123456789abcdef"


class TestActs:
    @pytest.mark.parametrize(
        ("text", "act"),
        [
            ("resolve", Act("resolve")),
            ("ignore", Act("ignore")),
            ("until:3600", Act("until", 3600)),
            ("events:10", Act("events", 10)),
            ("people:1000", Act("people", 1000)),
        ],
    )
    def test_a_button_says_what_is_done(self, text: str, act: Act) -> None:
        assert act_of(text) == act

    @pytest.mark.parametrize(
        "text", ["", "delete", "resolve:1", "until", "until:0", "until:-1", "until:1e9", "events:٣"]
    )
    def test_what_no_button_says_does_nothing(self, text: str) -> None:
        with pytest.raises(BadRequest):
            act_of(text)

    def test_what_is_ticked_counts_once_and_not_without_bound(self) -> None:
        assert chosen_in({"issue": ["a", "b", "a", ""]}, "issue", at_most=2) == ["a", "b"]
        with pytest.raises(BadRequest, match="more than 2"):
            chosen_in({"issue": ["a", "b", "c"]}, "issue", at_most=2)


def row(kind: Any, user_id: UserId | None = ANN, **data: str | int | None) -> ActivityRow:
    name = NAMES.get(user_id or "")
    return ActivityRow(
        id="1",
        project_id=ProjectId("p"),
        issue_id="i",
        at_us=5,
        kind=kind,
        user_id=user_id,
        user_name=name,
        data=data,
    )


class TestHistory:
    @pytest.mark.parametrize(
        ("given", "text"),
        [
            (row("created", None, release="1.0"), "First event, in 1.0"),
            (row("resolved", resolution="now", release="1.0"), "Ann resolved it"),
            (
                row("resolved", resolution="in_next_release", release="1.0"),
                "Ann resolved it in the release after 1.0",
            ),
            (row("resolved", resolution="in_release", release="2"), "Ann resolved it in 2"),
            (row("resolved", None), "It was resolved"),
            (row("regressed", None, release="1.1"), "It happened again in 1.1"),
            (row("ignored"), "Ann ignored it for good"),
            (row("ignored", untilEvents=1000), "Ann ignored it until it happens 1,000 more times"),
            (row("ignored", untilPeople=10), "Ann ignored it until 10 more people meet it"),
            (row("ignored", untilUs=0), "Ann ignored it until 1970-01-01 00:00:00"),
            (row("opened"), "Ann opened it again"),
            (row("assigned", userId="u2"), "Ann assigned it to Bo"),
            (row("assigned", userId=None), "Ann assigned it to nobody"),
            (row("merged", numbers="4,7"), "Ann merged #4, #7 into it"),
            (row("merged", into=2), "Ann merged it into #2"),
            (row("unmerged", number=9), "Ann split off #9"),
            (row("split_off", of=3), "Ann split it off #3"),
        ],
    )
    def test_it_says_who_did_what(self, given: ActivityRow, text: str) -> None:
        assert [one.text for one in history_of(issue(status="open"), [given], NAMES, "UTC")] == [
            text
        ]

    def test_the_first_event_was_when_it_happened_and_not_when_it_arrived(self) -> None:
        rows = [row("resolved"), row("created", None)]

        told = history_of(issue(status="open", first_seen_us=2), rows, NAMES, "UTC")

        assert [one.at_us for one in told] == [5, 2]

    def test_a_state_says_when_it_ends(self) -> None:
        assert state_text(issue(status="open"), NAMES, "UTC") == ""
        ignored = issue(status="ignored", ignored_until_events=10)
        assert state_text(ignored, NAMES, "UTC") == "Ignored until it happens 10 more times."
        resolved = issue(
            status="resolved",
            resolution="in_next_release",
            resolved_in_release="1.0",
            resolved_by=ANN,
        )
        assert state_text(resolved, NAMES, "UTC").startswith(
            "Resolved in the release after 1.0 by Ann."
        )
        again = issue(status="open", regressed_us=0, times_regressed=3)
        assert "happened again at 1970-01-01 00:00:00, 3 times" in state_text(again, NAMES, "UTC")


def issue(**fields: Any) -> IssueRow:
    usual: dict[str, Any] = dict.fromkeys(
        ("resolution", "resolved_us", "resolved_by", "resolved_in_release", "ignored_us")
    )
    usual |= dict.fromkeys(("ignored_until_us", "ignored_until_events", "ignored_until_people"))
    usual |= dict.fromkeys(("assignee_id", "regressed_us"))
    usual |= dict.fromkeys(("type", "title", "culprit", "platform"), "")
    usual |= dict.fromkeys(("first_release", "last_release"), "")
    usual |= dict.fromkeys(("first_seen_us", "last_seen_us", "created_us", "times_regressed"), 0)
    return IssueRow(
        **usual | {"id": "i", "project_id": ProjectId("p"), "number": 1, "level": "error"} | fields
    )


class TestSamples:
    DSN = f"http://{KEY}@127.0.0.1:8080/7"

    @pytest.mark.parametrize("name", SAMPLES)
    def test_each_has_where_to_send_and_nothing_left_to_fill_in(self, name: str) -> None:
        text = sending_of("http://127.0.0.1:8080", KEY, self.DSN, name).chosen.text

        assert KEY in text
        assert ("127.0.0.1:8080/7" in text) == (name not in ("curl", "open-sentry"))
        assert "{dsn}" not in text
        assert "{{" not in text

    def test_open_sentrys_ends_with_the_path_that_its_sdk_posts_to(self) -> None:
        text = sending_of("https://x.example/sluice", KEY, self.DSN, "open-sentry").chosen.text

        assert f'"https://{KEY}@x.example/sluice/v1/ingest"' in text

    def test_pythons_is_python_and_an_unknown_one_is_the_first(self) -> None:
        found = sending_of("http://127.0.0.1:8080", KEY, self.DSN, "cobol").chosen

        assert found.name == "python"
        ast.parse(found.text)
        assert urlsplit(self.DSN).username == KEY


class TestDone:
    ID = "5a1c0f0e-0000-4000-8000-000000000001"

    def test_what_was_done_is_said_and_can_be_undone(self) -> None:
        values = {name: one for name, one in written("resolve", [self.ID]).items() if one}

        assert done_in(values) == Done("1 issue resolved.", (self.ID,))

    def test_an_address_cannot_make_a_page_say_something_else(self) -> None:
        assert done_in({"done": "<b>Your account is closed</b>"}) is None
        assert done_in({}) is None
        assert done_in({"done": "open", "n": "many", "of": self.ID}) == Done(
            "0 issues opened again."
        )
        found = done_in({"done": "ignore", "n": "2", "of": f"{self.ID},javascript:x,1"})
        assert found == Done("2 issues ignored.", (self.ID,))
