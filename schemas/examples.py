"""Ids that the examples of the API's description share, so that what one sends another finds."""

TRACE_ID = "5150a94d-0001-4000-8000-000000000001"
SPAN_ID = "5150a94d-0002-4000-8000-000000000001"
SESSION_ID = "conv-abc-123"
EMAIL = "ann@example.com"
PASSWORD = "correct horse battery"
NEW_PASSWORD = "battery staple correct"
TOKEN = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFG"
