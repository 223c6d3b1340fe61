"""Who may run code where no setting says so."""

import pytest

from schemas.settings import Settings
from sluice.deploys import deploy_rules_of


@pytest.mark.parametrize(
    ("settings", "by"),
    [
        (Settings(), "anyone"),
        (Settings(host="::1"), "anyone"),
        (Settings(host="localhost"), "anyone"),
        (Settings(host="0.0.0.0"), "admins"),
        (Settings(host="192.0.2.7"), "admins"),
        (Settings(trusted_proxies="127.0.0.1"), "admins"),
        (Settings(public_url="https://status.example.com"), "admins"),
        (Settings(host="0.0.0.0", deploy_by="anyone"), "anyone"),
        (Settings(deploy_by="members"), "members"),
    ],
)
def test_by_default_nobody_but_admins_where_others_reach_us(settings: Settings, by: str) -> None:
    rules = deploy_rules_of(settings)

    assert rules.by == by
    assert rules.is_default == (settings.deploy_by == "auto")
