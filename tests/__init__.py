"""The tests, and the machine they run on: `lab.py` about the product, `local_azure` about the lab."""
