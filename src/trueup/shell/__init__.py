"""Shell text that changes a host. These modules only build text."""
