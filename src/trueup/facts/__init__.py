"""Facts about hosts and clusters: one noun per file, each with a probe and a pure parser.

A new fact needs a file here, and a captured answer with its expected value under ``tests/unit/facts/``.
"""
