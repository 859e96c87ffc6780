"""A run told on a few pages: gathered once, written as HTML or as PDF."""
