
SELECT
    user_id AS k0,
    quantilesDD(0.01, 0.5, 0.9, 0.95, 0.99)(t.latency_ns)
FROM traces AS t
WHERE project_id = {project_id:String}
        AND timestamp >= fromUnixTimestamp64Micro({from_us:Int64}, 'UTC')
        AND timestamp <= fromUnixTimestamp64Micro({to_us:Int64}, 'UTC')
GROUP BY k0
