"""The engine; it knows neither Qt nor napari. Reading order: jobs, config, slides, patches, mapping, pipeline."""
