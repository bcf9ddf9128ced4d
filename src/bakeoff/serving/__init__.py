"""The best variant as a registered model: its package, and its registration in MLflow."""
