"""What MLflow holds: its store, experiments, runs and registered models, and its server."""
