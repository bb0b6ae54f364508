"""`tetik dead-letters`: what could not be used, and using it after all once the cause is mended."""
