"""From bare hosts by one ``--fix``: a registry behind an address that moves, and a control plane behind another."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from standing import Standing

from lab import Lab
from trueup.profile import load

pytestmark = pytest.mark.lab
PULL = "ctr -n k8s.io image pull --hosts-dir /etc/containerd/certs.d harbor.lab:6443/google_containers/pause:3.2"
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


def test_a_node_pulls_through_the_address_of_the_load_balancers(well: Standing) -> None:
    assert well.made.code == 0, well.made.text
    assert well.made.result("registry.tls.trusted", "w3")["outcome"] == "fixed"
    well.sh(f"{PULL} && ctr -n k8s.io image rm harbor.lab:6443/google_containers/pause:3.2", "w3")
    again = well.run("--fix")
    assert (again.code, again.changes) == (0, []), again.text


def test_an_authority_that_is_not_trusted_is_refused(well: Standing) -> None:
    said = well.lab.sh("w3", PULL.replace("/etc/containerd/certs.d", "/nowhere"), check=False)
    assert "certificate signed by unknown authority" in said.stdout + said.stderr


def test_the_password_of_the_adverts_is_in_nothing_that_is_said(well: Standing, tmp_path: Path) -> None:
    right, planted = load(str(well.profile)).spec("lb2").lb.vrrp.auth_pass.get_secret_value(), "pl4nted9"
    well.sh(f"sed -i 's/auth_pass {right}/auth_pass {planted}/' /etc/keepalived/keepalived.conf", "lb2")
    results = f"--alluredir={tmp_path / 'allure'}"
    said = [well.run(option, "-vv", results) for option in ("--fix=plan", "--fix")]
    assert [done.code for done in said] == [1, 0], said[1].text
    assert said[1].result("lb.keepalived.config", "lb2")["outcome"] == "fixed"
    files = [path.read_text(errors="replace") for path in (tmp_path / "allure").iterdir()]
    texts = [*files, *(done.text + json.dumps(done.report) for done in said)]
    journal = well.sh("journalctl --no-pager -o cat -u ssh -u keepalived", "lb2")
    assert not [text[:80] for text in (*texts, journal) if right in text or planted in text]


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
