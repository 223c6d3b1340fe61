"""Alerts of the system `errors`: its rules, how they are evaluated, and how messages are sent."""
