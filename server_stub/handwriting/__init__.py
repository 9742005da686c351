"""The duty `handwriting`: from a sealed evidence package to a document that is signed once (steps 6–8)."""
