"""End-to-end tests: the real az in a lab."""
