"""Recipe and records in, checkpoints and a log out."""
