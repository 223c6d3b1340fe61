-- key_days: whose the calls of a row are, where they are one user's: a hash, by which what only an erased person
--   said leaves days whose calls are gone. 0 where they are several users' or nobody's, and of paths that name none.
-- Written by: clickhouse/llm/keep_days.py. Read by: clickhouse/kept_days.py.
-- Repeats, Lives, ORDER BY: as 0030 says. A seal has 1: its rows say so. Of builds from before it is 0.
ALTER TABLE key_days ADD COLUMN IF NOT EXISTS owner UInt64 CODEC(LZ4);
