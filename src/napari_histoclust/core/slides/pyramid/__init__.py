"""Pyramids built for slides that have none, kept in the user's cache."""
