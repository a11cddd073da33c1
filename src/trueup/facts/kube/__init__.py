"""Facts of section kube."""
