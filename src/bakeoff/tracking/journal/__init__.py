"""What training writes: a journal of events without duplicates, and the run's state that follows from it."""
