"""The data model: requirements, facts, snapshots and profiles."""
