"""Ingest over HTTP: authenticate, bound, validate, append. Knows no table."""
