"""Claims that several checks make; what is here is no requirement."""
