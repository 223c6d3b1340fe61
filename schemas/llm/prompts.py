"""Names of prompts, and prompts that are kept: what people write, and what programs fetch."""

FOUND = "auto:"
"""Begins the name of a prompt that was found in traffic, and that nobody named."""
OTHER = f"{FOUND}other"
"""Stands for prompts, and for versions, of which there were too many."""


def is_found(prompt: str) -> bool:
    """Tells whether a prompt was found in traffic, and named by nobody."""
    return prompt.startswith(FOUND)
