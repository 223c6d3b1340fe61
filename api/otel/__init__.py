"""The system `otel`: its traces, their trees, and services, to read."""
