-- traces, spans: parts above 64 MB have a file for each column.
-- Written by, Read by, Repeats, Lives, ORDER BY: as in 0001 and 0002.
-- A part of one file (below min_bytes_for_wide_part) has granules of the number of rows that its
--   first rows called for: 8,192 where these were small, whatever follows. 211 rows of 1 MB behind
--   one small row of another project were one granule, and that project's list of one row took
--   300 MB and 0.2 s to read; as a part of many files 4 MB. So one file is kept for what is small.
ALTER TABLE traces MODIFY SETTING min_bytes_for_wide_part = 67108864;
ALTER TABLE spans MODIFY SETTING min_bytes_for_wide_part = 67108864;
