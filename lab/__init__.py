"""Test hosts on one machine: containers with their own systemd, sshd and network, without internet access."""

from lab.lab import Lab as Lab
from lab.machine import LabUnavailable as LabUnavailable
