"""What the spans, logs and metrics of OpenTelemetry mean. Pure: no clock, no store."""
