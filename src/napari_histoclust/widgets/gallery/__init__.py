"""The gallery: patches side by side, every stain of each."""
