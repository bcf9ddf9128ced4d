"""How journals, files and results get into MLflow: each once, again after any failure."""
