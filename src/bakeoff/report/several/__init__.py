"""The overview page of an experiment whose data is split several ways."""
