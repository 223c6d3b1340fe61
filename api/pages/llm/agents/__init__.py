"""The pages of agents: their sessions, one session as a timeline, and their tools."""
