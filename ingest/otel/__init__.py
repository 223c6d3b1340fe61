"""OTLP in: its routes, and how a request becomes items."""
