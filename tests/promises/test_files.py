"""Files of events up to the documented bound arrive whole, on both logs.

Kafka's brokers take 1 MiB a record unless told otherwise; our topics are made for the largest item.
"""

import hashlib
import random
import uuid

import pytest

from ingest.errors.attachments import AttachmentLimits
from tests.e2e.server import create_project
from tests.promises.installations import Installation
from tests.promises.samples.errors import PATH
from tests.unit.ingest.errors.server import envelope

pytestmark = pytest.mark.slow

SEED = 20_261_129
MOST = AttachmentLimits().max_bytes


def test_files_of_the_largest_size_come_back_to_the_byte(installation: Installation) -> None:
    noise = random.Random(SEED).randbytes
    project, event_id = create_project(installation.front), uuid.uuid4().hex
    files = {name: noise(MOST) for name in ("a", "b")} | {"large": noise(MOST + 1)}
    items = [
        ({"type": "attachment", "filename": name, "length": len(body)}, body)
        for name, body in files.items()
    ]

    body = envelope(({"type": "event"}, b'{"message":"with files"}'), *items, event_id=event_id)
    assert installation.post(project, PATH, body) == 200
    installation.wait_stored()

    listed = project.get("/v1/attachments", event_id=event_id).json()["attachments"]
    assert {one["name"]: one["sha256"] for one in listed} == {
        name: hashlib.sha256(files[name]).hexdigest() for name in ("a", "b")
    }
    for one in listed:
        assert project.get(f"/v1/attachments/{one['id']}").content == files[one["name"]]
    assert project.outcomes(kind="attachment") == {
        "received": 3,
        "accepted": 2,
        "invalid": 1,
    }
