"""Measured side by side, in the same run, as ratios."""
