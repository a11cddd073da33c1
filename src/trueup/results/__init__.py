"""The outcome of a run: actions, results, and the run as a whole."""
