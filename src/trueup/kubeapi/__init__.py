"""The Kubernetes API and its manifests."""
