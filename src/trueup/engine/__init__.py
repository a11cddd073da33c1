"""Judging, changing, planning and undoing, requirement by requirement."""
