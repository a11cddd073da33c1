"""Configuration files edited in their text."""
