"""The hosts of a run, their cluster, and how they are asked."""
