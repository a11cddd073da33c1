"""What a run did, on the host and on the controller."""
