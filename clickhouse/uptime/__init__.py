"""The table of checks, and its queries."""
