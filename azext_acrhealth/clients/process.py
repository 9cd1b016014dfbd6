"""A program run to its end, or killed with its children."""
