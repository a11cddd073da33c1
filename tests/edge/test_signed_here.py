"""An authority on the controller signs the registry's certificate: its key never reaches the host."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from standing import Edge

from trueup.model.profile import load

pytestmark = pytest.mark.lab


def test_a_certificate_is_signed_by_an_authority_on_the_controller(well: Edge, tmp_path: Path) -> None:
    profile = well.sign_here(tmp_path)
    secret = (tmp_path / "ca.key").read_text().splitlines()[1]
    try:
        well.sh(f"rm {load(str(profile)).spec('reg1').registry.tls.server.certificate}", "reg1")
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
        well.sign_there()
    assert well.run().code == 0
