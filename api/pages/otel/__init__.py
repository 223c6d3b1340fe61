"""The pages of the system `otel`: distributed traces, services and who calls whom."""
