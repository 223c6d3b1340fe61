"""The vocabulary of uptime: what is monitored, what a check saw, and what follows from it."""
