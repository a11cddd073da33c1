"""Drills: disruptive trials."""
