"""What somebody repairs of a dead letter is checked as it was when it came."""

import json
from typing import Any

import pytest

from ingest.errors.forms import checks, forms
from ingest.errors.sentry import LOGGED
from schemas.errors.sent import sent_decoder
from tests.unit.ingest.errors.test_open_sentry import error, generation, transaction

CHECKS = checks()


def stored(protocol: str, item: Any, **head: str) -> bytes:
    return json.dumps({"protocol": protocol, "head": head, "item": item}).encode()


def test_there_is_a_form_for_each_route_and_a_check_for_each_kind() -> None:
    assert set(forms()) == {"open_sentry", "sentry_envelope", "sentry_store", "sentry_cron"}
    assert set(CHECKS) == {kind.name for kind in LOGGED}


@pytest.mark.parametrize(
    "item",
    [
        stored("open_sentry", error(timestamp="2026-05-30T12:00:01Z"), environment="staging"),
        stored("sentry", {"message": "hi"}, event_id="9ec79c33ec9942ab8353589fcb2e04dc"),
    ],
)
def test_what_is_right_again_is_kept_with_what_came_with_it(item: bytes) -> None:
    checked = CHECKS["error"](item, 1 << 20)

    assert checked.issues == []
    assert sent_decoder.decode(checked.item).head == sent_decoder.decode(item).head
    assert json.loads(checked.item)["item"] == json.loads(item)["item"]


@pytest.mark.parametrize(
    ("item", "path"),
    [
        (b"{", []),
        (b"[]", []),
        (b'{"item":{}}', []),
        (stored("pulse", {}), []),
        (stored("sentry", []), ["item"]),
        (stored("sentry", {"x": "y" * 1000}), ["item"]),
        (stored("open_sentry", error(level="loud")), ["item", "level"]),
        (stored("open_sentry", error(exception={"type": 1})), ["item", "exception", "type"]),
        (stored("open_sentry", {"type": "transaction"}), ["item", "name"]),
        (stored("open_sentry", [error()]), ["item"]),
        (stored("open_sentry", [error(), error()]), ["item"]),
        (stored("open_sentry", transaction()), ["item", "type"]),
        (stored("open_sentry", generation()), ["item", "type"]),
    ],
)
def test_what_is_still_wrong_is_said_by_its_place(item: bytes, path: list[str]) -> None:
    checked = CHECKS["error"](item, 500)

    assert [issue.path for issue in checked.issues] == [path]


def test_a_transaction_is_checked_as_one() -> None:
    assert CHECKS["transaction"](stored("open_sentry", transaction()), 500).issues == []
    assert CHECKS["transaction"](stored("open_sentry", error()), 500).issues
