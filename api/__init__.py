"""The API over HTTP: queries, control plane, operations."""
