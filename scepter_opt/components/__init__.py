"""A name becomes a class, and a class a call. No torch."""
