"""Judges at work: which calls they are to judge, by which rules, and what they say."""
