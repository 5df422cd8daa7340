"""Comparison of methods over many photos: what is kept of every method and photo, and the report of it."""
