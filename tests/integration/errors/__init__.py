"""Errors and transactions in the store."""
