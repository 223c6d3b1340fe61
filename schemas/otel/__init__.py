"""What OpenTelemetry sends: OTLP's wire forms, and the one form that the rest of the code reads."""
