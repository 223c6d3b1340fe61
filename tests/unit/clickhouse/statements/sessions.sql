
SELECT
    k0,
    uniqExact(session)
FROM (
    SELECT
        model_requested AS k0,
        session_hash AS session
    FROM traces AS t
    WHERE project_id = {project_id:String}
        AND timestamp >= fromUnixTimestamp64Micro({from_us:Int64}, 'UTC')
        AND timestamp <= fromUnixTimestamp64Micro({to_us:Int64}, 'UTC')
        AND billing = '' AND session_hash != 0
        AND NOT (t.timestamp >= fromUnixTimestamp64Micro({first_us:Int64}, 'UTC')
        AND t.timestamp < fromUnixTimestamp64Micro({last_us:Int64}, 'UTC'))
    GROUP BY k0, session
    UNION ALL
    SELECT
        model_requested AS k0,
        session_hash AS session
    FROM session_sums
    WHERE project_id = {project_id:String} AND session_hash != 0
        AND bucket >= fromUnixTimestamp64Micro({first_us:Int64}, 'UTC')
        AND bucket < fromUnixTimestamp64Micro({last_us:Int64}, 'UTC')
)
GROUP BY k0
