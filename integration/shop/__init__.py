"""A tiny Django app, for the tests: an order and its lines. Not a project; tests/test_django.py configures one."""
