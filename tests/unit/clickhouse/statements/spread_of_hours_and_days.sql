
SELECT
    k0,
    quantilesDDMerge(0.01, 0.5, 0.9, 0.95, 0.99)(spread)
FROM (
    SELECT
        model_requested AS k0,
        quantilesDDState(0.01, 0.5, 0.9, 0.95, 0.99)(t.latency_ns) AS spread
    FROM traces AS t
    WHERE project_id = {project_id:String}
        AND timestamp >= fromUnixTimestamp64Micro({from_us:Int64}, 'UTC')
        AND timestamp <= fromUnixTimestamp64Micro({to_us:Int64}, 'UTC')
        AND NOT (t.timestamp >= fromUnixTimestamp64Micro({first_us:Int64}, 'UTC')
        AND t.timestamp < fromUnixTimestamp64Micro({last_us:Int64}, 'UTC'))
    GROUP BY k0
    UNION ALL
    SELECT
        model_requested AS k0,
        latency AS spread
    FROM trace_sums
    WHERE project_id = {project_id:String}
        AND grain = 'hour'
        AND bucket >= fromUnixTimestamp64Micro({first_us:Int64}, 'UTC')
        AND bucket < fromUnixTimestamp64Micro({last_us:Int64}, 'UTC')
        AND NOT (bucket >= fromUnixTimestamp64Micro({first_day_us:Int64}, 'UTC')
        AND bucket < fromUnixTimestamp64Micro({last_day_us:Int64}, 'UTC'))
    UNION ALL
    SELECT
        model_requested AS k0,
        latency AS spread
    FROM trace_sums
    WHERE project_id = {project_id:String}
        AND grain = 'day'
        AND bucket >= fromUnixTimestamp64Micro({first_day_us:Int64}, 'UTC')
        AND bucket < fromUnixTimestamp64Micro({last_day_us:Int64}, 'UTC')
)
GROUP BY k0
