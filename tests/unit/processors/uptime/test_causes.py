"""What people are told of why a monitor is down or degraded."""

import pyarrow as pa

from processors.uptime.following import causes_of


def test_the_newest_failed_and_the_newest_degraded_check_of_each_monitor_are_told() -> None:
    seen = [
        ("mon_a", 2, "fail", "the status is 503"),
        ("mon_a", 1, "fail", "no answer within 10 s"),
        ("mon_a", 3, "degraded", "it took 900 ms"),
        ("mon_a", 4, "ok", ""),
        ("mon_a", 5, "inconclusive", "no network"),
        ("mon_b", 1, "ok", ""),
    ]
    names = ("monitor_id", "slot", "outcome", "message")
    columns = dict(zip(names, map(list, zip(*seen, strict=True)), strict=True))
    rows = pa.RecordBatch.from_pydict(columns)

    causes = causes_of(rows)

    assert causes == {"mon_a": {"fail": "the status is 503", "degraded": "it took 900 ms"}}
