"""From the figures of variants to one conclusion: which may be the best, which differ, which to take."""
