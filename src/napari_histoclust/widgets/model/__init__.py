"""The dock that trains, loads and applies a model."""
