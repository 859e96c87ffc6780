"""The jobs of the command line and the window, each made of the rooms below."""
