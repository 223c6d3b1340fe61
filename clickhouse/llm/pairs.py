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
# A mark is its moment in microseconds, doubled, and odd for an end: so marks sort by time, a start
# before an end, and a run begins where the mark before is odd. A window function took half as long
# again.
STARTS = """
    SELECT
        pair_hash,
        bitShiftRight(run[-1], 1) AS run_us,
        bitShiftRight(run[1], 1) AS started_us,
        NOT bitTest(run[-1], 0) AS is_open
    FROM (
        SELECT
            pair_hash,
            arrayJoin(arraySplit(
                (mark, before) -> bitTest(before, 0),
                arraySort(groupArray(toUnixTimestamp64Micro(moment) * 2 + is_end)) AS marks,
                arrayPushFront(arrayPopBack(marks), 0)
            )) AS run
        FROM span_marks
        WHERE project_id = {project_id:String}{among}
        GROUP BY pair_hash
    )
    WHERE NOT bitTest(run[1], 0)
"""
# Milliseconds since the pair's start; NULL when the start is not known.
DURATION_MS = f"""if({UNMEASURED},
        (toUnixTimestamp64Micro(spans.timestamp) - started_us) / 1000, duration_ms)"""
