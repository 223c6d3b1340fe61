"""OTLP, taken in: spans, log records and metrics, over HTTP and gRPC."""
