"""A registry's certificate that an authority on the controller signs: its key never is on the host."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from standing import Standing

from trueup.profile import load

pytestmark = pytest.mark.lab
OURS = "{tls: {signing: controller, controller: {certificate: ca.crt, private_key: ca.key}}}"


def test_a_certificate_is_signed_by_an_authority_on_the_controller(well: Standing, tmp_path: Path) -> None:
    tls = load(str(well.profile)).spec("reg1").registry.tls
    (tmp_path / "ca.crt").write_text(well.sh(f"cat {tls.ca.certificate}", "reg1"))
    (tmp_path / "ca.key").write_text(well.sh(f"cat {tls.ca.private_key}", "reg1"))
    profile = tmp_path / "signed.yaml"
    profile.write_text(f"extends: {well.profile}\nregistry: {OURS}\n")
    secret = (tmp_path / "ca.key").read_text().splitlines()[1]
    well.sh(f"mv {tls.ca.private_key} /root/ca.key && rm {tls.server.certificate}", "reg1")
    try:
        planned = well.run("--fix=plan", profile=profile)
        fixed = well.run("--fix", profile=profile)
        assert fixed.code == 0, fixed.text
        result = fixed.result("registry.tls.server.certificate", "reg1")
        assert result["outcome"] == "fixed", fixed.text
        assert [action["verb"] for action in result["actions"]][-3:] == ["key", "issue", "apply"]
        assert fixed.changes == planned.changes, planned.text
        again = well.run("--fix", profile=profile)
        assert (again.code, again.changes) == (0, []), again.text
        left = well.sh(f"grep -rlF '{secret}' /apps /etc /var/lib/trueup /tmp /run || :", "reg1")
        assert left == ""
        assert not [done.text[:80] for done in (planned, fixed) if secret in done.text + json.dumps(done.report)]
    finally:
        well.sh(f"mv /root/ca.key {tls.ca.private_key}", "reg1")
    assert well.run().code == 0
