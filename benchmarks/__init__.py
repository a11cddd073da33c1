"""Benchmarks: each measures trueup and a reference in the same run, and prints the ratio."""
