"""Clients of others, unmodified, against a running server."""
