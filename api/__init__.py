"""The HTTP door out: queries, control plane, operations."""
