"""The durable log: topics, records, producer, and the Faust transport over SQLite."""
