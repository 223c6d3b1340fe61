"""What each kind of channel is sent."""

from typing import Any

import pytest
from msgspec import json
from msgspec.structs import replace

from alerts.bodies import post_of, sign
from alerts.errors.wording import message_of, trial_alert
from schemas.channels import ChannelConfig, ChannelKind
from schemas.messages import Due, Message

PAGERDUTY = "https://events.pagerduty.example/"
CONFIG = ChannelConfig(webhook_url="https://chat.example/hook", integration_key="key")


def body_of(kind: ChannelKind, text: str = "it broke") -> Any:
    alert = replace(trial_alert("p", "<!channel> @everyone", 0), text=text)
    return json.decode(post_of(due(kind, message_of(alert)), PAGERDUTY).body)


def due(kind: ChannelKind, message: Message) -> Due:
    return Due("1", 1, "errors", "rule/1/c", kind, CONFIG, message)


def test_the_signature_is_the_hmac_of_rfc_4231() -> None:
    # Test case 2 of the RFC: its key is "Jefe".
    expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"

    assert sign(b"what do ya want for nothing?", "Jefe") == f"sha256={expected}"


def test_slack_reads_no_markup_in_what_senders_wrote() -> None:
    body = body_of("slack")

    assert "<!channel>" not in body["text"]
    assert {block["text"]["type"] for block in body["blocks"]} == {"plain_text"}


def test_discord_calls_nobody() -> None:
    body = body_of("discord", "x" * 9000)

    assert body["allowed_mentions"] == {"parse": []}
    assert len(body["embeds"][0]["description"]) < 2000


def test_teams_gets_a_message_card() -> None:
    assert body_of("msteams")["@type"] == "MessageCard"


def test_pagerduty_makes_one_incident_of_a_rule() -> None:
    body = body_of("pagerduty")

    assert (body["routing_key"], body["event_action"]) == ("key", "trigger")
    assert body["dedup_key"] == "test"
    assert body["payload"]["severity"] == "error"


@pytest.mark.parametrize(
    ("kind", "url"),
    [("slack", "https://chat.example/hook"), ("pagerduty", f"{PAGERDUTY}v2/enqueue")],
)
def test_each_goes_to_its_address(kind: ChannelKind, url: str) -> None:
    message = message_of(trial_alert("p", "c", 0))

    assert post_of(due(kind, message), PAGERDUTY).url == url
