"""What tells one language from another in a folder, and how each is built and started."""
