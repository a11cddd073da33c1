"""Nodes of the cluster: cordon, drain and uncordon."""
