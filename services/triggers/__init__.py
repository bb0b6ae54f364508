"""What `tetik triggers` does with a folder of trigger files: check, compare, publish, show, test."""
