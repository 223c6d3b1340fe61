
SELECT
    grouping(kind) AS every_kind,
    kind,
    sum(measured),
    sum(duration_ns),
    quantilesDDMerge(0.01, 0.5, 0.9, 0.95, 0.99)(duration)
FROM (
    SELECT kind, count() AS measured,
        sum(toUInt128(round(assumeNotNull(s.duration_ms) * 1e6))) AS duration_ns,
        quantilesDDState(0.01, 0.5, 0.9, 0.95, 0.99)(
            toUInt64(round(assumeNotNull(s.duration_ms) * 1e6))) AS duration
    FROM spans AS s
    WHERE project_id = {project_id:String}
        AND timestamp >= fromUnixTimestamp64Micro({from_us:Int64}, 'UTC')
        AND timestamp <= fromUnixTimestamp64Micro({to_us:Int64}, 'UTC')
        AND kind = {kind:String} AND (NOT (s.timestamp >= fromUnixTimestamp64Micro({first_us:Int64}, 'UTC')
        AND s.timestamp < fromUnixTimestamp64Micro({last_us:Int64}, 'UTC'))) AND duration_ms IS NOT NULL
    GROUP BY kind
    UNION ALL
    SELECT kind, measured, duration_ns, duration
    FROM spans_hourly
    WHERE project_id = {project_id:String}
        AND bucket >= fromUnixTimestamp64Micro({first_us:Int64}, 'UTC')
        AND bucket < fromUnixTimestamp64Micro({last_us:Int64}, 'UTC')
    UNION ALL
    SELECT kind, count() AS measured, sum(toUInt128(assumeNotNull(ns))) AS duration_ns,
        quantilesDDState(0.01, 0.5, 0.9, 0.95, 0.99)(assumeNotNull(ns)) AS duration
    FROM (
        SELECT kind, if((pair_role = 'end' AND duration_ms IS NULL), toUInt64(if(pair_started IS NULL, NULL, greatest(0, toUnixTimestamp64Micro(spans.timestamp)
        - toUnixTimestamp64Micro(assumeNotNull(pair_started)))) * 1000), toUInt64(round(duration_ms * 1e6))) AS ns
        FROM (
            SELECT kind, pair_hash, pair_role, duration_ms, timestamp
            FROM spans
            WHERE project_id = {project_id:String}
        AND timestamp >= fromUnixTimestamp64Micro({from_us:Int64}, 'UTC')
        AND timestamp <= fromUnixTimestamp64Micro({to_us:Int64}, 'UTC')
        AND kind = {kind:String} AND (pair_role = 'end' AND duration_ms IS NULL)
        ) AS spans
        INNER JOIN (
    SELECT pair_hash, min(started) AS pair_started
    FROM span_pairs
    WHERE project_id = {project_id:String}
    GROUP BY pair_hash
) AS pairs USING (pair_hash)
        WHERE pair_started IS NOT NULL
    )
    GROUP BY kind
)
GROUP BY GROUPING SETS ((kind), ())
