"""MLflow: its store, experiments, runs and registered models, and its server."""
