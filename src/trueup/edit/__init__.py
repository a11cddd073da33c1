"""Edits of configuration files that change only the named keys and keep the rest of the text."""
