"""From bare hosts by one ``--fix``: several control planes behind an address that moves. It takes five minutes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from standing import Standing

from lab import Lab

pytestmark = [pytest.mark.lab, pytest.mark.long]
SEVERAL = """
extends: {extends}
select: ["+lb.*"]
kube: {{cluster: {{endpoint: "10.77.0.101:6443"}}}}
lb:
  packages: [keepalived, haproxy]
  vip: {{address: 10.77.0.101, interface: eth0}}
  vrrp: {{instance: VI_1, interface: eth0, virtual_router_id: 51, auth_pass: "k33pal1v"}}
  listens:
    - name: kube_6443
      bind: "10.77.0.101:6443"
      servers:
        - {{name: cp2, address: "10.77.0.12:6443", options: check inter 1000 fall 2 rise 2}}
        - {{name: cp3, address: "10.77.0.13:6443", options: check inter 1000 fall 2 rise 2}}
hosts:
  lb3: {{lb: {{vrrp: {{state: MASTER, priority: 100}}}}}}
  lb4: {{lb: {{vrrp: {{state: BACKUP, priority: 90}}}}}}
"""


@pytest.fixture
def several(lab: Lab, trueup: Callable[..., Any], tmp_path: Path) -> Iterator[Standing]:
    """Two control planes and a worker, with load balancers of their own, which nobody else has."""
    profile = tmp_path / "several.yaml"
    profile.write_text(SEVERAL.format(extends=lab.cluster))
    hosts = ("lb3", "lb4", "cp2", "cp3", "w4")
    yield Standing(lab, trueup, hosts, profile)
    lab.down(hosts)


def test_several_control_planes_stand_behind_the_address(several: Standing) -> None:
    several.make()
    assert several.made.code == 0, several.made.text
    again = several.run("--fix")
    assert (again.code, again.changes) == (0, []), again.text
    kubectl = "KUBECONFIG=/etc/kubernetes/admin.conf kubectl"
    assert several.sh(f"{kubectl} config view -o 'jsonpath={{.clusters[0].cluster.server}}'", "cp2").endswith(
        "//10.77.0.101:6443"
    )
    several.sh("systemctl stop keepalived", "lb3")
    until = time.monotonic() + 30
    while not several.lab.sh("w4", "curl -sk -m 2 https://10.77.0.101:6443/readyz", check=False).stdout:
        assert time.monotonic() < until
        time.sleep(0.5)
    several.sh("systemctl start keepalived", "lb3")
