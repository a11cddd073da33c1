"""Rollback: undoes the changes of a run by its journals."""
