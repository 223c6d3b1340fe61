"""Pairs of spans: which start an end belongs to, found at read time from `span_marks`.

1. An end that carries no duration of its own lasts from the first start after the end before it.
2. Where there is no such start, it has no duration.
3. Starts that follow one another without an end are one run of the pair; a run without an end is
   still open, and counts where its last start is.
4. A start at the very moment of an end belongs to that end. Ends of one moment are one.
"""

# An end event that is measured over its pair.
UNMEASURED = "(pair_role = 'end' AND duration_ms IS NULL)"
# Each run that has a start, by the moment of its end, or of its last start while it has none. There
# is one such run a moment: what comes after an end of the same moment has no start, or is no end.
STARTS = """
    SELECT
        pair_hash,
        max(moment) AS timestamp,
        min(moment) AS pair_started,
        NOT max(is_end) AS is_open
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
    HAVING NOT min(is_end)
"""
# Microseconds since the pair's start; NULL when the start is not known.
PAIR_US = """(toUnixTimestamp64Micro(spans.timestamp)
        - toUnixTimestamp64Micro(assumeNotNull(pair_started)))"""
DURATION_MS = f"if({UNMEASURED}, if(pair_started IS NULL, NULL, {PAIR_US} / 1000), duration_ms)"
PAIR_NS = f"if(pair_started IS NULL, NULL, toUInt64(greatest(0, {PAIR_US})) * 1000)"
