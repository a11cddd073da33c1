"""Objects of the Kubernetes API: their state, and the verbs that write them."""
