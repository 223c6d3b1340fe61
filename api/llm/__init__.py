"""The system `llm`: its traces, spans and their analysis, to read."""
