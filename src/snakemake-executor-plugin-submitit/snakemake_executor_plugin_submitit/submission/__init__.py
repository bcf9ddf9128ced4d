"""From a ready job to a submitted one, and back to it after a restart."""
