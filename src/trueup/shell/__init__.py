"""Shell text that changes a host: only text."""
