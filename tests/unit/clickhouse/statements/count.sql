
SELECT
    sum(m_requests) AS s_requests
FROM (
    SELECT
        count() AS m_requests
    FROM traces AS t
    WHERE project_id = {project_id:String}
        AND timestamp >= fromUnixTimestamp64Micro({from_us:Int64}, 'UTC')
        AND timestamp <= fromUnixTimestamp64Micro({to_us:Int64}, 'UTC')
        AND status = {status:String}
        AND billing = ''
        AND NOT (t.timestamp >= fromUnixTimestamp64Micro({first_us:Int64}, 'UTC')
        AND t.timestamp < fromUnixTimestamp64Micro({last_us:Int64}, 'UTC'))
    
    UNION ALL
    SELECT
        requests AS m_requests
    FROM trace_sums
    WHERE project_id = {project_id:String}
        AND status = {status:String}
        AND grain = 'hour'
        AND bucket >= fromUnixTimestamp64Micro({first_us:Int64}, 'UTC')
        AND bucket < fromUnixTimestamp64Micro({last_us:Int64}, 'UTC')
        AND NOT (bucket >= fromUnixTimestamp64Micro({first_day_us:Int64}, 'UTC')
        AND bucket < fromUnixTimestamp64Micro({last_day_us:Int64}, 'UTC'))
    UNION ALL
    SELECT
        requests AS m_requests
    FROM trace_sums
    WHERE project_id = {project_id:String}
        AND status = {status:String}
        AND grain = 'day'
        AND bucket >= fromUnixTimestamp64Micro({first_day_us:Int64}, 'UTC')
        AND bucket < fromUnixTimestamp64Micro({last_day_us:Int64}, 'UTC')
)

