"""Test hosts on one machine: containers with their own systemd, sshd and network, and no way out."""

from lab.lab import Lab as Lab
from lab.machine import LabUnavailable as LabUnavailable
