"""What is read of feedback, check-ins and files, whatever they hold."""

import json
from functools import partial
from typing import Any

import pytest
from msgspec import Raw

from processors.columns import SentChunk, Unfit
from processors.errors.attachments import read_attachment
from processors.errors.check_ins import read_check_in
from processors.errors.feedback import read_feedback
from processors.errors.masking.mask import mask
from processors.errors.steps import Meaning, build_feedback
from schemas.errors.attached import AttachmentHead, encode_attachment
from schemas.errors.masking import MaskRules
from schemas.errors.pictures import picture_of
from schemas.errors.rows import CheckInRow, FeedbackRow
from schemas.errors.sent import Head, SentItem, encode_sent
from schemas.projects import ProjectId

NOW_US = 1_780_002_000_000_000
ID = "9ec79c33ec9942ab8353589fcb2e04dc"
ODD: tuple[Any, ...] = (None, 5, -1.5, True, "", "x" * 100_000, [], [[]], {}, {"a": [1]}, 1e300)


def item(given: Any, **head: str) -> SentItem:
    return SentItem("sentry", Head(**head), Raw(json.dumps(given).encode()))


def feedback(given: Any) -> FeedbackRow:
    return read_feedback(item(given), ID, NOW_US)


def check_in(**given: Any) -> CheckInRow:
    return read_check_in(item({"monitor_slug": "backup", **given}), ID, NOW_US)


class TestFeedback:
    def test_both_forms_say_the_same(self) -> None:
        said = {"message": "no", "contact_email": "a@b.example", "name": "Ann"}
        trace = {"trace_id": "ab" * 16}
        about = {"associated_event_id": ID.upper(), "url": "https://x.example/a"}
        new = feedback({"contexts": {"feedback": {**said, **about}, "trace": trace}})
        old = feedback({"event_id": ID, "comments": "no", "email": "a@b.example", "name": "Ann"})

        for row in (new, old):
            assert (row.message, row.name, row.email) == ("no", "Ann", "a@b.example")
            assert (row.event_id, row.associated_event_id) == (ID, ID)
        assert (new.source, old.source) == ("feedback", "user_report")
        assert (new.trace_id, new.url) == ("ab" * 16, "https://x.example/a")
        assert old.timestamp_us == NOW_US

    @pytest.mark.parametrize("field", ["message", "contact_email", "name", "url", "replay_id"])
    @pytest.mark.parametrize("value", ODD)
    def test_a_part_of_any_type_loses_that_part_alone(self, field: str, value: Any) -> None:
        row = feedback({"contexts": {"feedback": {"associated_event_id": ID, field: value}}})

        assert row.associated_event_id == ID

    @pytest.mark.parametrize("given", [{}, {"contexts": 5}, {"contexts": {"feedback": []}}])
    def test_without_words_it_is_kept(self, given: Any) -> None:
        assert feedback(given).message == ""

    @pytest.mark.parametrize("given", [5, "x", [], None])
    def test_what_is_no_object_is_unfit(self, given: Any) -> None:
        with pytest.raises(Unfit):
            feedback(given)

    @pytest.mark.parametrize("is_report", [True, False])
    def test_its_address_is_masked_where_the_project_says_so(self, is_report: bool) -> None:
        said = {"message": "call ann@b.example", "contact_email": "ann@b.example"}
        old = {"comments": "call ann@b.example", "email": "ann@b.example"}
        sent = item(old if is_report else {"contexts": {"feedback": said}})
        chunk = SentChunk(ProjectId("p"), NOW_US, [encode_sent(sent)], [ID])

        def stored(rules: MaskRules) -> str:
            meaning = Meaning(partial(mask, rules=rules), lambda _: None)  # type: ignore[arg-type, return-value]
            arrays = build_feedback(lambda _: meaning, [chunk]).tables["feedback"].arrays
            return str({name: array.to_pylist() for name, array in arrays.items()})

        assert "ann@b" in stored(MaskRules(emails=False))
        assert "ann@b" not in stored(MaskRules(emails=True))


class TestCheckIns:
    def test_it_is_read(self) -> None:
        schedule = {"type": "crontab", "value": "0 3 * * *"}
        row = check_in(
            check_in_id=ID.upper(),
            status="ok",
            duration=1.5,
            environment="staging",
            release="a@1",
            monitor_config={"schedule": schedule},
            contexts={"trace": {"trace_id": "ab" * 16}},
        )

        assert (row.check_in_id, row.status, row.duration_ns) == (ID, "ok", 1_500_000_000)
        assert (row.environment, row.release, row.trace_id) == ("staging", "a@1", "ab" * 16)
        assert json.loads(row.monitor_config) == {"schedule": schedule}

    @pytest.mark.parametrize(
        ("sent", "kept"), [("Nightly Backup!", "nightly-backup"), ("a_b-9", "a_b-9")]
    )
    def test_a_monitor_has_a_plain_name(self, sent: str, kept: str) -> None:
        assert check_in(monitor_slug=sent).monitor_slug == kept

    @pytest.mark.parametrize("slug", [None, "", "!!", [], 1e400])
    def test_without_a_monitor_it_is_unfit(self, slug: Any) -> None:
        with pytest.raises(Unfit):
            check_in(monitor_slug=slug if slug != 1e400 else None)

    @pytest.mark.parametrize(
        "field",
        [
            "check_in_id",
            "status",
            "duration",
            "environment",
            "release",
            "monitor_config",
            "contexts",
        ],
    )
    @pytest.mark.parametrize("value", ODD)
    def test_a_part_of_any_type_loses_that_part_alone(self, field: str, value: Any) -> None:
        row = check_in(**{field: value})

        assert row.monitor_slug == "backup"
        assert row.duration_ns is None or row.duration_ns >= 0

    @pytest.mark.parametrize("run", [None, "", "0" * 32, "00000000-0000-0000-0000-000000000000"])
    def test_without_an_id_it_is_a_run_of_its_own(self, run: Any) -> None:
        assert check_in(check_in_id=run).check_in_id == ID


class TestFiles:
    def test_a_picture_is_one_by_its_bytes(self) -> None:
        head = AttachmentHead(ID, "shot.svg", "image/svg+xml")
        png = b"\x89PNG\r\n\x1a\n\0\n"

        row = read_attachment(encode_attachment(head, png), "a" * 32)

        assert (row.picture, row.size, row.body) == ("png", len(png), png)

    @pytest.mark.parametrize(
        "body", [b"<svg onload=x>", b"", b"GIF88a", b"RIFFxxxxWAVE", b"<html>"]
    )
    def test_all_else_is_none(self, body: bytes) -> None:
        assert picture_of(body) == ""

    @pytest.mark.parametrize("damaged", [b"", b"\xff\x00", b"{}\nx", b"[]\n", b'{"eventId":5}\nx'])
    def test_what_is_no_file_is_unfit(self, damaged: bytes) -> None:
        with pytest.raises(Unfit):
            read_attachment(damaged, "a")
