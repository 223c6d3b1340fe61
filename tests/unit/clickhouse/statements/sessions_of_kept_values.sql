
SELECT
    k0,
    length(groupUniqArrayArray(hashes))
FROM (
    SELECT
        ifNull(tags.`team`.:String, '') AS k0,
        groupUniqArray(session_hash) AS hashes
    FROM traces AS t
    WHERE project_id = {project_id:String}
        AND timestamp >= fromUnixTimestamp64Micro({from_us:Int64}, 'UTC')
        AND timestamp <= fromUnixTimestamp64Micro({to_us:Int64}, 'UTC')
        AND billing = ''
        AND ifNull(tags.`team`.:String, '') = {tag_0:String} AND session_hash != 0
        AND NOT (t.timestamp >= fromUnixTimestamp64Micro({first_us:Int64}, 'UTC')
        AND t.timestamp < fromUnixTimestamp64Micro({last_us:Int64}, 'UTC'))
    GROUP BY k0
    UNION ALL
    SELECT
        ifNull(tags.`team`.:String, '') AS k0,
        groupUniqArray(session_hash) AS hashes
    FROM traces AS t
    WHERE project_id = {project_id:String}
        AND timestamp >= fromUnixTimestamp64Micro({from_us:Int64}, 'UTC')
        AND timestamp <= fromUnixTimestamp64Micro({to_us:Int64}, 'UTC')
        AND billing = ''
        AND ifNull(tags.`team`.:String, '') = {tag_0:String} AND session_hash != 0
        AND t.timestamp >= fromUnixTimestamp64Micro({first_day_us:Int64}, 'UTC')
        AND t.timestamp < fromUnixTimestamp64Micro({last_day_us:Int64}, 'UTC')
        AND NOT (received_at >= fromUnixTimestamp64Micro({kept_from_0:Int64}, 'UTC')
            AND received_at < fromUnixTimestamp64Micro({kept_to_0:Int64}, 'UTC')
            OR received_at >= fromUnixTimestamp64Micro({kept_from_1:Int64}, 'UTC')
            AND received_at < fromUnixTimestamp64Micro({kept_to_1:Int64}, 'UTC'))
    GROUP BY k0
    UNION ALL
    SELECT
        tag AS k0,
        sessions AS hashes
    FROM key_days
    WHERE project_id = {project_id:String}
        AND tag = {tag_0:String}
        AND path = {kept_path:String}
        AND grain IN ('few', 'many')
        AND received_date IN {kept_days:Array(Date)}
        AND build IN {kept_builds:Array(UInt64)}
        AND bucket >= fromUnixTimestamp64Micro({first_day_us:Int64}, 'UTC')
        AND bucket < fromUnixTimestamp64Micro({last_day_us:Int64}, 'UTC')
)
GROUP BY k0
