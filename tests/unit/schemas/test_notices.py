"""The forms of a notification."""

import pytest

from schemas.aims import Aim, read_aim
from schemas.channels import ChannelConfig

KEY = "s3cretKEY"


HOOK = f"https://hooks.slack.com/services/{KEY}"
DISCORD = f"https://discord.com/api/webhooks/1/{KEY}"
PAGERDUTY = ChannelConfig(integration_key=KEY)
TOKENS = ChannelConfig(webhook_url=f"https://hooks.slack.com/services/T0A1/B0X9/{KEY}")
CHANNEL_URL = ChannelConfig(url=f"slack://T0A1/B0X9/{KEY}/#ops")
EMAIL = ChannelConfig(recipients=("ann@example.com",))
SERVER, OURS = f"mailto://ann:{KEY}@example.com", f"https://shop.example/in?k={KEY}"


@pytest.mark.parametrize(
    ("text", "kind", "shown", "config"),
    [
        (f"slack://hooks/T0A1/B0X9/{KEY}", "slack", "slack://…", TOKENS),
        (f"slack://T0A1/B0X9/{KEY}", "slack", "slack://…", TOKENS),
        (f"slack://hooks/T0A1/B0X9/{KEY}/#ops", "apprise", "slack://…", CHANNEL_URL),
        (f"pagerduty://{KEY}", "pagerduty", "pagerduty://…", PAGERDUTY),
        (f"pagerduty://{KEY}@api-key/source", "pagerduty", "pagerduty://…", PAGERDUTY),
        ("mailto:ann@example.com", "email", "mailto:ann@example.com", EMAIL),
        (SERVER, "apprise", "mailto://…", ChannelConfig(url=SERVER)),
        (OURS, "webhook", "https://shop.example/…", ChannelConfig(url=OURS)),
        (HOOK, "slack", "https://hooks.slack.com/…", ChannelConfig(webhook_url=HOOK)),
        (DISCORD, "discord", "https://discord.com/…", ChannelConfig(webhook_url=DISCORD)),
    ],
)
def test_each_form_is_read_and_shown_without_its_secret(
    text: str, kind: str, shown: str, config: ChannelConfig
) -> None:
    aim = read_aim(text)

    assert aim is not None
    assert (aim.kind, aim.shown, aim.config) == (kind, shown, config)
    assert KEY not in aim.shown


def test_a_channel_is_named() -> None:
    assert read_aim(" channel: on call ") == Aim(
        "channel:on call", "channel:on call", channel="on call"
    )


@pytest.mark.parametrize(
    "text",
    [
        *("", "ops", "channel:", "http://", "slack:/x", "pagerduty://", "://x", "https://[::1"),
        *("mailto:ann", "mailto:a@b.example?cc=eve@c.example", "mailto:a@b.example,eve@c.example"),
    ],
)
def test_what_fits_no_form_is_no_target(text: str) -> None:
    assert read_aim(text) is None
