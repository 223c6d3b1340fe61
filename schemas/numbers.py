"""Bounds of numbers that every system has."""

SAFE_INTEGER = (1 << 53) - 1
"""The largest whole number that JavaScript tells from its neighbours."""
