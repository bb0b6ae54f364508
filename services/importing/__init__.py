"""`tetik import …`: files into Tetik, through ingest. Lines → rows → items → batches, each streaming."""
