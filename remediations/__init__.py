"""Remedies: one short function each, joined to its check by the requirement's id."""
