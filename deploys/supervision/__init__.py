"""What runs as a small process beside each command: the standard library alone, quick to start."""
