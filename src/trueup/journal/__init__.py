"""The journals of a run, on the hosts and on the controller."""
