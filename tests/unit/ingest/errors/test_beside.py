"""What is taken of an envelope beside its event: files, reports of people, check-ins of jobs."""

import json
from collections.abc import Mapping
from typing import Any

from ingest.errors.attachments import AttachmentLimits
from ingest.errors.sentry import split_envelope
from ingest.forms import Counted, Split
from schemas.errors.attached import decode_attachment
from tests.unit.ingest.errors.server import envelope

ID = "9ec79c33ec9942ab8353589fcb2e04dc"
EVENT = ({"type": "event"}, b'{"message":"hi"}')
LIMITS = AttachmentLimits(max_bytes=10, max_envelope_bytes=16)


def file(name: str, body: bytes, **headers: Any) -> tuple[Mapping[str, Any], bytes]:
    return {"type": "attachment", "filename": name, "length": len(body), **headers}, body


def split(*items: tuple[Mapping[str, Any], bytes], **headers: Any) -> Split:
    return split_envelope(envelope(*items, **headers), {}, 1 << 20, limits=LIMITS)


def ids(made: Split, kind: str) -> list[str]:
    return [one for items in made.items if items.kind.name == kind for one in items.ids]


def bodies(made: Split, kind: str) -> list[bytes]:
    return [one for items in made.items if items.kind.name == kind for one in items.bodies]


class TestFiles:
    def test_a_file_keeps_its_bytes_its_name_and_its_event(self) -> None:
        made = split(EVENT, file("a\n.bin", b"\0\n\xff", content_type="x/y"), event_id=ID)

        head, body = decode_attachment(bodies(made, "attachment")[0])
        assert (head.event_id, head.name, head.content_type) == (ID, "a\n.bin", "x/y")
        assert (head.type, body) == ("event.attachment", b"\0\n\xff")

    def test_without_an_id_of_the_envelope_it_belongs_to_its_event(self) -> None:
        made = split(file("a", b"x"), EVENT)

        head, _ = decode_attachment(bodies(made, "attachment")[0])
        assert [head.event_id] == ids(made, "error")

    def test_one_that_is_sent_again_has_the_same_id_and_another_one_has_not(self) -> None:
        files = (file("a", b"x"), file("a", b"y"), file("b", b"x"))

        first, again = split(*files, event_id=ID), split(*files, event_id=ID)

        assert ids(first, "attachment") == ids(again, "attachment")
        assert len(set(ids(first, "attachment"))) == 3

    def test_what_is_too_large_is_counted_and_the_event_is_taken(self) -> None:
        made = split(EVENT, file("a", b"x" * 11), file("b", b"x" * 10), event_id=ID)

        assert (ids(made, "error"), len(ids(made, "attachment"))) == ([ID], 1)
        assert made.counted == [Counted("attachment", "invalid", "attachment_too_large", 1)]

    def test_so_is_what_is_too_much_for_one_envelope(self) -> None:
        made = split(EVENT, *(file(name, b"x" * 6) for name in "abc"), event_id=ID)

        assert len(ids(made, "attachment")) == 2
        assert made.counted == [Counted("attachment", "invalid", "attachment_too_large", 1)]

    def test_a_file_of_no_event_is_counted(self) -> None:
        made = split(file("a", b"x"))

        assert made.counted == [Counted("attachment", "invalid", "no_event", 1)]


class TestIds:
    def test_a_run_says_several_things_and_each_is_known_again(self) -> None:
        def said(**fields: Any) -> list[str]:
            body = json.dumps({"monitor_slug": "a", **fields}).encode()
            return ids(split(({"type": "check_in"}, body), event_id=ID), "check_in")

        begun, done = said(check_in_id=ID, status="in_progress"), said(check_in_id=ID, status="ok")

        assert begun != done
        assert begun == said(check_in_id=ID, status="in_progress")
        assert said(check_in_id="0" * 32) != said(check_in_id="0" * 32)
        assert said(status="ok") != said(status="ok")

    def test_a_report_is_none_of_the_event_that_it_is_about(self) -> None:
        report = ({"type": "user_report"}, b'{"event_id":"%b","comments":"no"}' % ID.encode())

        made = split(report, EVENT, event_id=ID)

        assert ids(made, "error") == [ID]
        assert ids(made, "feedback") == ids(split(report, event_id=ID), "feedback") != [ID]

    def test_feedback_has_the_id_of_its_envelope(self) -> None:
        made = split(({"type": "feedback"}, b"{}"), file("a", b"x"), event_id=ID)

        head, _ = decode_attachment(bodies(made, "attachment")[0])
        assert ids(made, "feedback") == [head.event_id] == [ID]

    def test_so_has_what_the_sdk_for_python_sends_as_an_event(self) -> None:
        made = split(({"type": "event"}, b'{"type":"feedback"}'), event_id=ID)

        assert (ids(made, "feedback"), ids(made, "error")) == ([ID], [])
