"""The hosts of a run, their cluster, and how facts are gathered."""
