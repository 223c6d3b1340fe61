"""What the statements about monitors are put together from, behind `CLOCK`.

Uptime is by whole days of UTC that a range touches, from `uptime_days`, which is a copy of what the
control plane knows: today until some minutes ago. Checks are exact at both ends.
"""

from grafana.sql import NAMES, filters

MINE = filters(project="project_id", monitor="monitor_id")
IN_DAYS = (
    f"""day >= toDate(toDateTime(since, 'UTC')) AND day <= toDate(toDateTime(until, 'UTC')){MINE}"""
)
IN_RANGE = f"slot >= since AND slot <= until{MINE}{filters(region='region')}"
PASSED = "outcome IN ('ok', 'degraded')"
TIMED = f"{PASSED} AND total_ms > 0"
"""A heartbeat may tell no time."""
COUNTED = "sum(toUInt128(up_us + degraded_us + down_us))"
WHOLE = """sum(toUInt128(up_us + degraded_us + down_us + unknown_us + maintenance_us + paused_us
        + voided_us + before_us))"""
# Cut, not rounded: one second down never shows as 100 %.
UPTIME = f"""if({COUNTED} = 0, NULL,
        intDiv(100000 * sum(toUInt128(up_us + degraded_us)), {COUNTED}) / 100000)"""
COVERAGE = f"if({WHOLE} = 0, NULL, intDiv(100000 * {COUNTED}, {WHOLE}) / 100000)"
DOWNTIME_S = "sum(down_us) / 1000000"
DAYS = "uptime_days FINAL"
KNOWN = """(
    SELECT project_id, monitor_id, argMax(name, day) AS name, argMax(state, day) AS state,
        argMax(target_ppm, day) AS target_ppm, max(noted_at) AS noted
    FROM uptime_days FINAL
    WHERE day >= toDate(now('UTC')) - 1
    GROUP BY project_id, monitor_id
)"""
"""Monitors as they are now: what is removed is written no more."""
NAMED = f"LEFT ANY JOIN {NAMES} AS n ON s.project_id = n.project_id"
PROJECT = "if(n.name = '', toString(s.project_id), n.name) AS project"
