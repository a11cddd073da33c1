"""The keys of a profile, by section of the catalogue. A new requirement adds its key here."""
