"""The only package that imports napari: what stands in the session as layers, the reader, the sample data."""
