-- Texts under NULLs of rows whose person was erased go off the disk.
-- Written by: this alone. Read by: nobody. Repeats: may be, and changes nothing then. Lives: as traces and spans.
-- `UPDATE output_text = NULL` had marked rows as NULL and left their texts in the parts. What has nobody and no text is
--   written anew once, in the background, in parts that have such rows; only these columns where parts are wide.
ALTER TABLE traces
    UPDATE output_text = nullIf(materialize(''), ''), provider_request_id = nullIf(materialize(''), '')
    WHERE user_id = '' AND output_text IS NULL AND provider_request_id IS NULL;

ALTER TABLE spans
    UPDATE cwd = nullIf(materialize(''), '')
    WHERE cwd IS NULL AND metadata = '';
