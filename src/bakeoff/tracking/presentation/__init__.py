"""What a person reads in MLflow: descriptions, views, names, links."""
