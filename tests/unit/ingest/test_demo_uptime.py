"""The demo's checks: what the edge takes, the same whenever they are made, never in the future."""

from itertools import pairwise

import msgspec
import pytest

from controlplane.uptime.checked import read_config
from ingest.uptime.app import MAX_CHECKS, split
from ingest.uptime.demo import DAY_US, DAYS, HOUR_US, SHOP, Watched, checks_of

NOW = 1_796_000_000_000_000
BEGIN = NOW - DAYS * DAY_US
ID = "mon_aaaaaaaa"
EVERY = pytest.mark.parametrize("watched", SHOP, ids=[one.name for one in SHOP])


@EVERY
def test_the_edge_takes_them_and_each_is_said_once(watched: Watched) -> None:
    checks = list(checks_of(watched, ID, BEGIN, BEGIN, NOW))

    ids: list[str] = []
    for first in range(0, len(checks), MAX_CHECKS):
        body = msgspec.json.encode(checks[first : first + MAX_CHECKS])
        ids += [one for items in split(body, {}, 1 << 20).items for one in items.ids]
    assert len(set(ids)) == len(checks)
    assert max(one.started_us for one in checks) <= NOW
    assert all(before.slot_us <= after.slot_us for before, after in pairwise(checks))


@EVERY
def test_a_later_call_goes_on_where_the_first_has_ended(watched: Watched) -> None:
    whole = list(checks_of(watched, ID, BEGIN, BEGIN, NOW + 5 * HOUR_US))
    first = list(checks_of(watched, ID, BEGIN, BEGIN, NOW))

    rest = list(checks_of(watched, ID, BEGIN, first[-1].slot_us + 1, NOW + 5 * HOUR_US))

    assert first + rest == whole


@EVERY
def test_its_monitor_is_one_that_the_api_takes_and_its_phases_are_those_of_its_type(
    watched: Watched,
) -> None:
    config = read_config(dict(watched.config))
    check = next(checks_of(watched, ID, BEGIN, BEGIN, NOW))

    assert (check.phases.first_byte_ms is not None) == (config.type == "http")
    assert (check.certificate is not None) == (config.type == "tls")
    assert all(value is None or value >= 0 for value in msgspec.structs.astuple(check.phases))
