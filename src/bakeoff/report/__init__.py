"""The report of a bake-off: one HTML file that opens offline."""
