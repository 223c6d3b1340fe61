"""The system `llm`: the pure steps of traces and spans, and what a call costs."""
