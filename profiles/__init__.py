"""Profiles: what ought to be, as typed data. ``schema.py`` holds the keys, the YAML files hold the values."""
