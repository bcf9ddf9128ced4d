"""The best variant as a model that others load: its package, and its place in the registry."""
