"""Measures the service against a hand-written one, on one core each: python -m loadtest.bench."""
