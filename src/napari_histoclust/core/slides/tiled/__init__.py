"""Slides read tile by tile: the tiles, their cache, and what is missing among them."""
