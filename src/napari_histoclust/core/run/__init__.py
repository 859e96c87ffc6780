"""A run: the labelled patches of one or several stacks, in memory and on disk."""
