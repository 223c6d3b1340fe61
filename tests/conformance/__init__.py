"""Suites that can be pointed at any server of a protocol."""
