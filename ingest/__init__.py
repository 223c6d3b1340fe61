"""The HTTP door in: authenticate, bound, validate, append. Knows no table."""
