
SELECT
    grouping(kind, tool) AS level,
    kind,
    tool,
    sum(measured),
    sum(duration_ns),
    tuple(sum(measured), if(sum(measured) <= 500 AND length(groupArrayArray(500)(few)) = sum(measured) AND sum(measured) > 0, arrayReduce('quantilesExactInclusive(0.5, 0.9, 0.95, 0.99)', groupArrayArray(500)(few)), []), [finalizeAggregation(quantilesDDMergeState(0.01, 0.5, 0.9, 0.95, 0.99)(duration)), finalizeAggregation(quantilesDDMergeState(0.01, 0.5, 0.9, 0.95, 0.99)(duration) + initializeAggregation('quantilesDDState(0.01, 0.5, 0.9, 0.95, 0.99)', 18446744073709551615)), finalizeAggregation(quantilesDDMergeState(0.01, 0.5, 0.9, 0.95, 0.99)(duration) + initializeAggregation('quantilesDDState(0.01, 0.5, 0.9, 0.95, 0.99)', 18446744073709551615) + initializeAggregation('quantilesDDState(0.01, 0.5, 0.9, 0.95, 0.99)', 18446744073709551615))]),
    sum(starts),
    sum(failed_starts),
    sum(open_calls)
FROM (
    SELECT kind, '' AS tool, count() AS measured,
        sum(toUInt128(round(assumeNotNull(s.duration_ms) * 1e6))) AS duration_ns,
        quantilesDDStateIf(0.01, 0.5, 0.9, 0.95, 0.99)(toUInt64(round(assumeNotNull(s.duration_ms) * 1e6)), 1) AS duration,
        groupArrayIf(500)(toUInt64(round(assumeNotNull(s.duration_ms) * 1e6)), 1) AS few,
        0 AS starts, 0 AS failed_starts, 0 AS open_calls
    FROM spans AS s
    WHERE project_id = {project_id:String}
        AND timestamp >= fromUnixTimestamp64Micro({from_us:Int64}, 'UTC')
        AND timestamp <= fromUnixTimestamp64Micro({to_us:Int64}, 'UTC')
        AND kind = {kind:String} AND (NOT (s.timestamp >= fromUnixTimestamp64Micro({first_us:Int64}, 'UTC')
        AND s.timestamp < fromUnixTimestamp64Micro({last_us:Int64}, 'UTC'))) AND duration_ms IS NOT NULL
    GROUP BY kind
    UNION ALL
    SELECT kind, '' AS tool, measured, duration_ns, duration, CAST([], 'Array(UInt64)') AS few,
        0 AS starts, 0 AS failed_starts, 0 AS open_calls
    FROM spans_hourly
    WHERE project_id = {project_id:String}
        AND bucket >= fromUnixTimestamp64Micro({first_us:Int64}, 'UTC')
        AND bucket < fromUnixTimestamp64Micro({last_us:Int64}, 'UTC')
    UNION ALL
    SELECT kind, tool, countIf(is_measured) AS measured,
        sumIf(toUInt128(ns), is_measured) AS duration_ns,
        quantilesDDStateIf(0.01, 0.5, 0.9, 0.95, 0.99)(ns, is_measured) AS duration,
        groupArrayIf(500)(ns, is_measured) AS few,
        countIf(pair_role = 'start') AS starts,
        countIf(pair_role = 'start' AND status = 'error') AS failed_starts,
        uniqExactIf(pair_hash, pair_role = 'start' AND is_open) AS open_calls
    FROM (
        SELECT kind, tool, status, pair_role, pair_hash, is_open,
            has_start AND pair_role = 'end' AS is_measured,
            toUInt64(greatest(0, at_us - started_us)) * 1000 AS ns
        FROM (
            SELECT kind, ifNull(tool_name, '') AS tool, status, pair_role, pair_hash,
                toUnixTimestamp64Micro(timestamp) AS at_us
            FROM spans
            WHERE project_id = {project_id:String}
        AND timestamp >= fromUnixTimestamp64Micro({from_us:Int64}, 'UTC')
        AND timestamp <= fromUnixTimestamp64Micro({to_us:Int64}, 'UTC')
        AND kind = {kind:String} AND ((pair_role = 'end' AND duration_ms IS NULL) OR (pair_role = 'start' AND kind = 'tool_use'))
        ) AS spans
        ANY LEFT JOIN (
            SELECT bitXor(pair_hash, reinterpretAsUInt64(run_us)) AS run_key, started_us, is_open, true AS has_start
            FROM (
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
        WHERE project_id = {project_id:String}
            AND pair_hash IN (SELECT pair_hash FROM spans WHERE project_id = {project_id:String}
        AND timestamp >= fromUnixTimestamp64Micro({from_us:Int64}, 'UTC')
        AND timestamp <= fromUnixTimestamp64Micro({to_us:Int64}, 'UTC')
        AND kind = {kind:String} AND pair_role != '')
        GROUP BY pair_hash
    )
    WHERE NOT bitTest(run[1], 0)
)
        ) AS runs
            ON bitXor(pair_hash, reinterpretAsUInt64(at_us)) = runs.run_key
    )
    GROUP BY kind, tool
)
GROUP BY GROUPING SETS ((kind), (kind, tool), ())
SETTINGS join_use_nulls = 0
