"""What training and serving agree on; imports neither the runtime nor the web framework."""
