"""torch subclasses of this package; the only folder that imports torch at the top."""
