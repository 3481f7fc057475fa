"""The shop as a Django app."""
