"""A trained model, and its predictions."""
