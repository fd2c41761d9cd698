"""Where records go: each sink moves bytes to one place and counts what it could not move."""
