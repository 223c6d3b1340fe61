"""The page of alerts: rules, channels, and what went out."""
