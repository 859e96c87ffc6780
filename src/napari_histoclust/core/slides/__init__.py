"""Slides of many formats, read lazily. The only place that knows tifffile and zarr stores."""
