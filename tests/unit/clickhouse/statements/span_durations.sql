
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
    SELECT kind, tool, countIf(ns IS NOT NULL) AS measured,
        sum(toUInt128(ifNull(ns, 0))) AS duration_ns,
        quantilesDDStateIf(0.01, 0.5, 0.9, 0.95, 0.99)(assumeNotNull(ns), ns IS NOT NULL) AS duration,
        groupArrayIf(500)(assumeNotNull(ns), ns IS NOT NULL) AS few,
        countIf(pair_role = 'start') AS starts,
        countIf(pair_role = 'start' AND status = 'error') AS failed_starts,
        uniqExactIf(pair_hash, pair_role = 'start' AND is_open = 1) AS open_calls
    FROM (
        SELECT kind, tool, status, pair_role, spans.pair_hash AS pair_hash, is_open,
            if(pair_role = 'end', if(pair_started IS NULL, NULL, toUInt64(greatest(0, (toUnixTimestamp64Micro(spans.timestamp)
        - toUnixTimestamp64Micro(assumeNotNull(pair_started))))) * 1000), NULL) AS ns
        FROM (
            SELECT kind, ifNull(tool_name, '') AS tool, status, pair_hash, pair_role, timestamp
            FROM spans
            WHERE project_id = {project_id:String}
        AND timestamp >= fromUnixTimestamp64Micro({from_us:Int64}, 'UTC')
        AND timestamp <= fromUnixTimestamp64Micro({to_us:Int64}, 'UTC')
        AND kind = {kind:String} AND ((pair_role = 'end' AND duration_ms IS NULL) OR (pair_role = 'start' AND kind = 'tool_use'))
        ) AS spans
        LEFT JOIN (
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
        WHERE project_id = {project_id:String}
            AND pair_hash IN (SELECT pair_hash FROM spans WHERE project_id = {project_id:String}
        AND timestamp >= fromUnixTimestamp64Micro({from_us:Int64}, 'UTC')
        AND timestamp <= fromUnixTimestamp64Micro({to_us:Int64}, 'UTC')
        AND kind = {kind:String} AND pair_role != '')
    )
    GROUP BY pair_hash, run
    HAVING NOT min(is_end)
) AS pairs
            ON spans.pair_hash = pairs.pair_hash AND spans.timestamp = pairs.timestamp
    )
    GROUP BY kind, tool
)
GROUP BY GROUPING SETS ((kind), (kind, tool), ())
SETTINGS join_use_nulls = 1
