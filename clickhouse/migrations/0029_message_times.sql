-- Messages that hold words are looked for newest first, a time after the other: see docs/search.md.
-- Written by: as messages (0024). Read by: clickhouse/said_messages.py.
-- Parts of before have no such index: a search reads their times whole until they are merged, 8 bytes a row.
-- by_timestamp: rows of a part are ordered by the day on which they came in, which a sender's clock may be before or
--   after. So the key does not say which may be of a time.
ALTER TABLE messages
    ADD INDEX IF NOT EXISTS by_timestamp timestamp TYPE minmax GRANULARITY 1;
