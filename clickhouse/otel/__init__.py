"""OpenTelemetry in the store: spans of every sort, messages, metrics."""
