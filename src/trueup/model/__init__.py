"""What everything else speaks of: requirements, facts, results, a run, a profile."""
