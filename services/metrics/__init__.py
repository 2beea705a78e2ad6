"""How often everything runs, how fast, and how fast normally."""
