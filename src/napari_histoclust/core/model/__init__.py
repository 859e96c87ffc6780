"""The network, its training, and the bundle that keeps it."""
