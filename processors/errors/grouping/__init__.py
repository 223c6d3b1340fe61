"""Which errors are one issue: fingerprints by version, and why an event has its own. Pure."""
