"""The inside of TIFF files: pages, planes, colours and metadata."""
