"""Facts of section edge."""
