-- Dear and slow calls are found by what the dearest and the slowest of a granule is: where they are rare, a list of them
--   read every row. Of 10 million calls it took 320 ms to say that none was so dear, and takes 6.
-- Written by: as traces. Read by: clickhouse/llm/filters.py, which has the same expression.
-- Parts of before have neither, and are read whole until they are merged.
ALTER TABLE traces
    ADD INDEX IF NOT EXISTS by_cost greatest(ifNull(computed_cost, 0), ifNull(reported_cost, 0)) TYPE minmax GRANULARITY 1,
    ADD INDEX IF NOT EXISTS by_latency latency_ns TYPE minmax GRANULARITY 1;
