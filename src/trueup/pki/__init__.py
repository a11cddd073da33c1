"""X.509 certificates: reading one, who accepts it, signing one. `certificate` itself loads no cryptography."""
