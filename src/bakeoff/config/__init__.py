"""The configuration: typed sections, read from YAML, expanded into variants and runs."""
