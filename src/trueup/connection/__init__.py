"""Connections: how a script is run on a host."""
