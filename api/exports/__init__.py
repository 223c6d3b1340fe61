"""Rows as files over HTTP: what is asked for, and how a file is sent."""
