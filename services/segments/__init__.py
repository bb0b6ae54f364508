"""`tetik segments …`: how many are in which segment, and what thresholds fit a shop's own customers."""
