"""A node of the cluster: what runs on it, and how it is emptied and taken back into service."""
