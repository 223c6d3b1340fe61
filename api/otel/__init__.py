"""The system `otel`: its traces, their trees, services, and metrics, to read."""
