"""Where a bake-off stands, read from its run folders: nothing is started, written or sent."""
