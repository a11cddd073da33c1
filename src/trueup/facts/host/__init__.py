"""Facts of section host."""
