"""What an LLM call costs: integer pico-dollars from a compiled price table. No clock, no store."""
