"""Masks personal data and secrets in an event as it came, before anything is read of it."""
