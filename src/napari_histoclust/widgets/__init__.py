"""Widgets of the window; the only package that imports Qt."""
