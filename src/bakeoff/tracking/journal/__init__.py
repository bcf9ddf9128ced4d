"""What training writes: events in a journal, each once, and the state of the run that they add up to."""
