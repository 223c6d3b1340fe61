"""Items that tell of an event, or of a job, and have no id of their own: reports and check-ins."""

from collections.abc import Callable, Mapping
from uuid import uuid4

import msgspec
from msgspec import Raw, Struct

from ingest.errors.envelope import ABSENT, text_of
from schemas.errors.attached import digest


class _CheckIn(Struct, frozen=True, gc=False):
    check_in_id: Raw = ABSENT


_decode_check_in = msgspec.json.Decoder(_CheckIn).decode


def report_id(text: bytes) -> str:
    """Returns the id of a report: the same one that is sent again has the same."""
    return digest("user_report", text)


def update_id(text: bytes) -> str:
    """Returns the id of what a job says of one run; of a run without an id it is always new.

    A run says several things, all under one id.
    """
    run = text_of(_decode_check_in(text).check_in_id).replace("-", "")
    return digest("check_in", text) if run.strip("0") else uuid4().hex


OWN_IDS: Mapping[str, Callable[[bytes], str]] = {"user_report": report_id, "check_in": update_id}
"""By the type of the item. The id of their envelope is that of something else."""
