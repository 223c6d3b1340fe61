"""What is said of a value that does not fit."""

from typing import Literal

import msgspec
import pytest
from msgspec import Struct

from controlplane.uptime.incidents import IncidentForm
from schemas.mistakes import explained
from schemas.uptime.monitors import MonitorConfig


class Wanted(Struct):
    events: list[Literal["up", "down"]]


@pytest.mark.parametrize(
    ("shape", "fields", "told"),
    [
        (
            MonitorConfig,
            {"name": "Shop", "type": "ping"},
            "type: expected http, tcp, dns, tls, domain, icmp or heartbeat",
        ),
        (
            IncidentForm,
            {"state": "closed"},
            "state: expected triggered, acknowledged or resolved",
        ),
        (
            Wanted,
            {"events": ["up", "gone"]},
            "events: expected up or down",
        ),
        (IncidentForm, {"state": 1}, "Expected `str`, got `int` - at `$.state`"),
        (IncidentForm, {}, "Object missing required field `state`"),
    ],
)
def test_a_word_that_is_none_of_some_is_answered_with_these(
    shape: type[Struct], fields: dict[str, object], told: str
) -> None:
    with pytest.raises(msgspec.ValidationError) as raised:
        msgspec.convert(fields, shape)

    assert explained(raised.value, shape) == told
