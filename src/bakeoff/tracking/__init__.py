"""The journal of a run and its way into MLflow; here, what the rooms within hand each other."""
