"""One ``--fix`` from bare hosts to a registry behind a virtual address."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from standing import Standing

from trueup.model.profile import load

pytestmark = pytest.mark.lab
PULL = "ctr -n k8s.io image pull --hosts-dir /etc/containerd/certs.d harbor.lab:6443/google_containers/pause:3.2"


def test_a_node_pulls_through_the_address_of_the_load_balancers(well: Standing) -> None:
    assert well.made.code == 0, well.made.text
    assert well.made.result("registry.tls.trusted", "w3")["outcome"] == "fixed"
    said = well.lab.sh("w3", PULL.replace("/etc/containerd/certs.d", "/nowhere"), check=False)
    assert (
        "certificate signed by unknown authority" in said.stdout + said.stderr
    )  # proves that the next pull needs the CA
    well.sh(f"{PULL} && ctr -n k8s.io image rm harbor.lab:6443/google_containers/pause:3.2", "w3")
    again = well.run("--fix")
    assert (again.code, again.changes) == (0, []), again.text


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
