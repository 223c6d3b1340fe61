"""The pages of log records: search, one record, and what of them is live."""
