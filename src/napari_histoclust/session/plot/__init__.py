"""The scatter as a raster: camera, points, drawing, gestures."""
