"""What is shown of an error holds no secret of the address."""

import pytest

from alerts.hiding import without_secrets
from schemas.channels import ChannelConfig

KEY = "s3cretKEYofTheTeam"


WEB = ChannelConfig(url=f"https://shop.example/in/{KEY}?a=1")
MAIL = ChannelConfig(url=f"mailtos://ann:{KEY}@mail.example")
SLACK = ChannelConfig(webhook_url=f"https://hooks.slack.com/services/{KEY}")


@pytest.mark.parametrize(
    ("config", "error", "shown"),
    [
        (ChannelConfig(url=f"slack://T0A1B2C3D/{KEY}"), f"at /T0A1B2C3D/{KEY}", "at /…/…"),
        (WEB, f"404: no /in/{KEY} at shop.example", "404: no /in/… at shop.example"),
        (ChannelConfig(integration_key=KEY), f"key {KEY} is unknown", "key … is unknown"),
        (MAIL, f"login of ann with {KEY} failed", "login of ann with … failed"),
        (SLACK, f"https://hooks.slack.com/services/{KEY} failed", "… failed"),
    ],
)
def test_parts_of_an_address_are_left_out(config: ChannelConfig, error: str, shown: str) -> None:
    assert without_secrets(error, config) == shown
