"""Alerts: rules that are evaluated in one process of all, and the messages that go out for them."""
