"""The dock that saves, and exports what others open."""
