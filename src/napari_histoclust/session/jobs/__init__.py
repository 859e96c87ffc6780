"""The jobs of the window, without a window."""
