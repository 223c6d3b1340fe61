"""Frames of minified JavaScript, mapped to what they were made of."""
