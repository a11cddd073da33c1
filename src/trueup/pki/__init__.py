"""X.509 certificates: reading, verifying and signing. Importing `certificate` does not load cryptography."""
