"""Lines become rows, or dead letters that say why."""

from uuid import uuid4

import msgspec
import pytest

from processors.columns import SentChunk, Unfit
from processors.deploys.steps import build_lines, read_line
from schemas.deploys.lines import MOST_MESSAGE_BYTES, Line, line_id
from schemas.projects import ProjectId

DEPLOYMENT = str(uuid4())
LINE = Line(
    deployment_id=DEPLOYMENT, seq=7, at_us=5, level="warn", stream="stderr", message="mind this"
)


def changed(**fields: object) -> bytes:
    return msgspec.json.encode({**msgspec.to_builtins(LINE), **fields})


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (changed(seq=0), "seq"),
        (changed(seq=2**32), "seq"),
        (changed(at_us=-1), "at_us"),
        (changed(level="loud"), "level"),
        (changed(stream="stdlog"), "stream"),
        (changed(deployment_id="d1"), "deployment_id: not a UUID"),
        (changed(message="x" * (MOST_MESSAGE_BYTES + 1)), "message: longer than 8192 bytes"),
        (b"\xff", "JSON is malformed"),
    ],
)
def test_what_is_no_line_is_unfit(body: bytes, reason: str) -> None:
    with pytest.raises(Unfit, match=reason):
        read_line(body, "id")


def test_a_line_becomes_a_row_under_the_id_that_the_log_kept() -> None:
    id_ = line_id(DEPLOYMENT, 7)
    sent = [SentChunk(ProjectId("p"), 9, [msgspec.json.encode(LINE)], [id_])]

    built = build_lines(sent)

    assert list(built.ids) == [id_]
    row = {name: array.to_pylist() for name, array in built.tables["deploy_lines"].arrays.items()}
    assert row.pop("timestamp")[0].timestamp() == 0.000005
    assert row == {
        "deployment_id": [DEPLOYMENT],
        "seq": [7],
        "level": ["warn"],
        "stream": ["stderr"],
        "message": ["mind this"],
    }


def test_a_line_that_is_sent_again_has_the_same_id_and_no_other_has_it() -> None:
    other = str(uuid4())

    assert line_id(DEPLOYMENT, 7) == line_id(DEPLOYMENT, 7)
    assert len({line_id(DEPLOYMENT, 7), line_id(DEPLOYMENT, 8), line_id(other, 7)}) == 3
