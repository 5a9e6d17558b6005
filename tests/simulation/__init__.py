"""Whole peer connections over bad networks, from seeds, by the thousand."""
