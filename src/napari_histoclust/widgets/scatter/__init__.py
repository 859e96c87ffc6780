"""The patches as points in the plane: a raster written by a compiled loop, and the gestures on it."""
