"""What can be learned of a host: one noun per file, each a probe and a pure parser. Add a file, and a captured answer
under ``tests/unit/facts/`` beside its expected value."""
