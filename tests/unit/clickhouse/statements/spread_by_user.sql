
SELECT
    k0,
    quantilesDDArray(0.01, 0.5, 0.9, 0.95, 0.99)(spread)
FROM (
    SELECT
        user_id AS k0,
        groupArray(t.latency_ns) AS spread
    FROM traces AS t
    WHERE project_id = {project_id:String}
        AND timestamp >= fromUnixTimestamp64Micro({from_us:Int64}, 'UTC')
        AND timestamp <= fromUnixTimestamp64Micro({to_us:Int64}, 'UTC')
        AND NOT (t.timestamp >= fromUnixTimestamp64Micro({first_us:Int64}, 'UTC')
        AND t.timestamp < fromUnixTimestamp64Micro({last_us:Int64}, 'UTC'))
    GROUP BY k0
    UNION ALL
    SELECT
        user_id AS k0,
        latencies AS spread
    FROM session_sums
    WHERE project_id = {project_id:String}
        AND bucket >= fromUnixTimestamp64Micro({first_us:Int64}, 'UTC')
        AND bucket < fromUnixTimestamp64Micro({last_us:Int64}, 'UTC')
)
GROUP BY k0
