"""The system `llm`: the columns and the queries of its tables."""
