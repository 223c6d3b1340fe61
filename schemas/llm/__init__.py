"""The system `llm`: what its traces and spans look like on the wire, as rows and as answers."""
