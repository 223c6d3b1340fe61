"""Issues and releases on both databases."""
