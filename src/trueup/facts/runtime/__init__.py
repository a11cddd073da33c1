"""Facts of section runtime."""
