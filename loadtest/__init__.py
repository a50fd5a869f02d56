"""Drives a running service as its clients would, and judges every answer: python -m loadtest."""
