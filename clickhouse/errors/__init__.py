"""Tables and queries of errors and transactions."""
