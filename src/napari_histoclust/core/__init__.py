"""The engine; it knows neither Qt nor napari. Read jobs, config, slides, patches, mapping, pipeline."""
