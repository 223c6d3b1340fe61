"""Monitors, their state and their incidents over HTTP."""
