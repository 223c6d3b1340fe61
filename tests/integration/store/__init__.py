"""The embedded engine itself, each time in a process of its own."""
