"""Measures the service against other model servers, on one core: python -m loadtest.rivals."""
