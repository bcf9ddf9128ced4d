"""Trained models and their predictions."""
