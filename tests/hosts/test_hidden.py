"""A fix with a saved plan, as a user whose sudo wants a password: no secret shows anywhere, before or after."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from traces import Sampler, traces

from lab import Lab

pytestmark = pytest.mark.lab
HOST = os.environ.get("TRUEUP_SECRETS_HOST", "w35")
CONFIG = "/etc/containerd/config.toml"
SUDO, AUTH, TOKEN = "Correct.H0rse.Battery", "k4lpw7", "pl4nt3.0123456789abcdef"
PASSWORD, KEY = "hunter2-r3gistry", "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSj"
SECRETS = (SUDO, AUTH, TOKEN, PASSWORD, KEY)
# Everything in the one file that the fix reads, edits, shows and keeps.
PLANT = rf"""set -e
useradd -m -s /bin/sh asks
IFS= read -r word; printf 'asks:%s\n' "$word" | chpasswd
echo 'asks ALL=(ALL) ALL' >/etc/sudoers.d/asks
cat >>{CONFIG} <<'X'
# kubeadm join 10.0.0.1:6443 --token {TOKEN}
# keepalived: auth_pass {AUTH}
[plugins."io.containerd.grpc.v1.cri".registry.configs."r.example".auth]
  password = "{PASSWORD}"
  # -----BEGIN PRIVATE KEY-----
  # {KEY}
  # -----END PRIVATE KEY-----
X
sed -i 's|sandbox_image = .*|sandbox_image = "registry.example/pause:0.8"|' {CONFIG}
systemctl restart containerd
"""


def test_no_secret_shows(lab: Lab, trueup: Callable[..., Any], tmp_path: Path) -> None:
    given = [f"--ssh-config={lab.ssh_config}", f"--profile={lab.profile}", "-k", "runtime.containerd"]
    lab.reset([HOST])
    assert trueup(f"--hosts={HOST}", *given[:2], "--fix", "-k", "containerd or host").code in (0, 1)
    lab.sh(HOST, PLANT, input=f"{SUDO}\n")
    (tmp_path / "word").touch(mode=0o600)
    (tmp_path / "word").write_text(f"{SUDO}\n")
    out = tmp_path / "out"
    out.mkdir()
    within = ["sh", "-c", f'exec "$@" 5<{tmp_path}/word', "sh"]
    given += [f"--hosts=ssh://asks@{HOST}", "--sudo", "--become-password=fd:5"]
    shown = ""
    with Sampler(*SECRETS) as sampler:
        for n, mode in enumerate((["--fix=plan", f"--plan-out={out}/plan.json"], [f"--fix={out}/plan.json", "-v"])):
            done = trueup(*given, *mode, f"--alluredir={out}/allure{n}", f"--report={out}/{n}.md", within=within)
            shown += done.text + str(done.report)
    assert done.code == 0, done.text
    assert done.outcomes["runtime.containerd.sandbox_image", HOST] == "fixed"
    assert sampler.seen == set()
    assert sampler.samples > 3
    shown += "".join(path.read_text(errors="replace") for path in out.rglob("*") if path.is_file())
    assert "pause:0.8" in shown
    assert "auth_pass" in shown  # what is around the secrets was shown, and so they could have been
    assert [secret for secret in SECRETS if secret in shown] == []
    kept = {secret: set(traces(lab, secret, HOST).split()) for secret in SECRETS}
    assert kept.pop(SUDO) == set()
    backup = "/var/lib/trueup/runs/"  # root's alone, of what the file was
    assert all(path.startswith(backup) for paths in kept.values() for path in paths)
    assert set(lab.sh(HOST, f"stat -c %a {backup}*/backup").stdout.split()) == {"700"}
    assert all(secret in (lab.root(HOST) / CONFIG[1:]).read_text() for secret in SECRETS[1:])
