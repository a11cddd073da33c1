"""Facts of section across."""
