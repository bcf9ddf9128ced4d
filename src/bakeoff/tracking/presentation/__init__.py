"""The texts of MLflow's pages: descriptions, views, names, links."""
