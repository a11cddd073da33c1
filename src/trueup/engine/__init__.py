"""The engine: judges requirements on hosts, plans and applies their remedies."""
