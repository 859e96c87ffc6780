"""Patches: the lattice, random positions, and reading them by blocks."""
