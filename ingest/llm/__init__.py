"""The system `llm`: how its requests are checked, and its routes."""
