"""Pairs of spans: which start an end belongs to, found at read time from `span_marks`.

1. An end that carries no duration of its own lasts from the first start after the end before it.
2. Where there is no such start, it has no duration.
3. Starts that follow one another without an end are one run of the pair; a run without an end is
   still open, and counts where its last start is.
4. A start at the very moment of an end belongs to that end. Ends of one moment are one.
"""

# An end event that is measured over its pair.
UNMEASURED = "(pair_role = 'end' AND duration_ms IS NULL)"
# Each run of a pair, by the moment of its end, or of its last start while it has none.
RUNS = """
    SELECT
        pair_hash,
        if(countIf(is_end) > 0, maxIf(moment, is_end), max(moment)) AS timestamp,
        minOrNullIf(moment, NOT is_end) AS run_started,
        countIf(is_end) = 0 AS is_open
    FROM (
        SELECT
            pair_hash,
            moment,
            is_end,
            countIf(is_end) OVER (
                PARTITION BY pair_hash
                ORDER BY moment, is_end
                ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
            ) AS run
        FROM span_marks
        WHERE project_id = {project_id:String}{among}
    )
    GROUP BY pair_hash, run
"""
STARTS = """
    SELECT pair_hash, timestamp, min(run_started) AS pair_started, max(is_open) AS is_open
    FROM ({runs})
    GROUP BY pair_hash, timestamp
""".replace("{runs}", RUNS)
# Microseconds since the pair's start; NULL when the start is not known.
PAIR_US = """(toUnixTimestamp64Micro(spans.timestamp)
        - toUnixTimestamp64Micro(assumeNotNull(pair_started)))"""
DURATION_MS = f"if({UNMEASURED}, if(pair_started IS NULL, NULL, {PAIR_US} / 1000), duration_ms)"
PAIR_NS = f"if(pair_started IS NULL, NULL, toUInt64(greatest(0, {PAIR_US})) * 1000)"
