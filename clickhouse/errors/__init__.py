"""The system `errors`: the columns and the queries of its tables."""
