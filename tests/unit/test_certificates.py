"""Certificates: only they leave the host, what runs out is named, and exactly that is renewed."""

import os
import re
import shutil
import subprocess
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from trueup.change import Change
from trueup.connection.local import Process
from trueup.connection.transport import Completed
from trueup.errors import ChangeFailed, CouldNotLook
from trueup.facts.kube.certificates import CERTIFICATES, MANAGED, Certificates
from trueup.facts.kube.static_pods import COMPONENT
from trueup.model.catalog import catalog
from trueup.model.claims import Deviation, Unmet
from trueup.model.profile import load
from trueup.model.snapshot import Raw, Snapshot
from trueup.model.view import HostFacts
from trueup.remediations import static_pods

catalog.load("trueup.checks", "trueup.remediations")
BASE = load("base").spec("cp1")
NOW = datetime.now(UTC)
KEY = ec.generate_private_key(ec.SECP256R1())
KEY_PEM = KEY.private_bytes(
    serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
).decode()
SECRET = KEY_PEM.splitlines()[1]


def made(name: str = "kube-apiserver", days: float = 365, begins: float = -1, *, authority: bool = False) -> str:
    """A certificate in PEM that is valid for so many days from now."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(KEY.public_key())
        .serial_number(1)
        .not_valid_before(NOW + timedelta(days=min(begins, days - 1)))
        .not_valid_after(NOW + timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
    )
    return builder.sign(KEY, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()


def kubeconfig(pem: str) -> str:
    encoded = subprocess.run(["base64", "-w0"], input=pem, capture_output=True, text=True, check=True).stdout
    key = subprocess.run(["base64", "-w0"], input=KEY_PEM, capture_output=True, text=True, check=True).stdout
    return f"users:\n- user:\n    client-certificate-data: {encoded}\n    client-key-data: {key}\n"


@dataclass
class Scratch(Process):
    """A shell for which the places of a control plane are under a scratch root; no process of this machine is seen."""

    root: Path = Path()

    def run(self, script: str, timeout: float) -> Completed:
        script = re.sub(r"(?<![\w./])/(?=(?:etc/kubernetes|var/lib/kubelet|var/log/pods|proc/(?!uptime)))",
                        f"{self.root}/", script)  # fmt: skip
        script = re.sub(r"\bkill (?=(?:-\w+ )?\$old)", "end ", script)
        assert "kill " not in script
        script = script.replace("PATH=/", f"PATH={self.root}/tools:/")
        done = super().run(script, timeout)
        return replace(done, out=done.out.replace(str(self.root).encode(), b""))

    def certificates(self) -> Certificates:
        return Change(self, run="look", apply=False, allowed="none").ask(CERTIFICATES)


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Scratch:
    """A control plane of kubeadm: the tools note what they are asked in ``log``."""
    for directory in ("etc/kubernetes/pki/etcd", "etc/kubernetes/manifests", "var/lib/kubelet/pki", "tools", "proc"):
        (tmp_path / directory).mkdir(parents=True)
    for name, (path, _) in MANAGED.items():
        if name != "super-admin.conf":
            put(tmp_path, path, kubeconfig(made(name)) if path.endswith(".conf") else made(name))
    for path in ("ca", "etcd/ca", "front-proxy-ca"):
        put(tmp_path, f"/etc/kubernetes/pki/{path}.crt", made(path, 3650, authority=True))
        put(tmp_path, f"/etc/kubernetes/pki/{path}.key", KEY_PEM)
    for path in ("apiserver", "etcd/server"):
        put(tmp_path, f"/etc/kubernetes/pki/{path}.key", KEY_PEM)
    put(tmp_path, "/var/lib/kubelet/pki/kubelet-client-current.pem", made("system:node:cp1") + KEY_PEM)
    put(tmp_path, "/new.crt", made("renewed"))
    put(tmp_path, "/new.conf", kubeconfig(made("renewed")))
    for pid, name in enumerate(("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler"), start=100):
        put(tmp_path, f"/etc/kubernetes/manifests/{name}.yaml", f"    image: r/{name}:v1.20.2\n")
        put(tmp_path, f"/proc/{pid}/comm", f"{name[:15]}\n")
        put(tmp_path, f"/proc/{pid}/environ", "")
        put(tmp_path, f"/proc/{pid}/cmdline", f"{name}\0--bind-address=127.0.0.1\0")
    tool(tmp_path, "kubeadm", f"""case $1 in version) echo v1.20.2; exit;; esac
echo "kubeadm $*" >>{tmp_path}/log
[ ! -e {tmp_path}/kubeadm-fails ] || {{ echo 'cannot renew'; exit 1; }}
case $4$3 in
*.conf) cp {tmp_path}/new.conf {tmp_path}/etc/kubernetes/$3;;
etcd-server) cp {tmp_path}/new.crt {tmp_path}/etc/kubernetes/pki/etcd/server.crt;;
*) cp {tmp_path}/new.crt {tmp_path}/etc/kubernetes/pki/$3.crt;;
esac""")  # fmt: skip
    tool(tmp_path, "end", f"""for pid; do :; done
[ -e {tmp_path}/proc/$pid ] || exit 1
[ "$1" != -0 ] || exit 0
echo "end $*" >>{tmp_path}/log
[ -e {tmp_path}/stubborn ] && [ "$1" != -KILL ] || mv {tmp_path}/proc/$pid {tmp_path}/proc/9$pid""")  # fmt: skip
    tool(tmp_path, "curl", f"[ ! -e {tmp_path}/ill ] || {{ echo 'http 500'; exit; }}; echo ok; echo 'http 200'")
    monkeypatch.setenv("PATH", f"{tmp_path}/tools:{os.environ['PATH']}")
    return Scratch(["sh"], "cp1", root=tmp_path)


def put(root: Path, path: str, text: str) -> None:
    file = root / path.lstrip("/")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


def tool(root: Path, name: str, body: str) -> None:
    put(root, f"/tools/{name}", f"#!/bin/sh\n{body}\n")
    (root / "tools" / name).chmod(0o755)


def log(host: Scratch) -> list[str]:
    file = host.root / "log"
    return file.read_text().splitlines() if file.exists() else []


def facts(text: str) -> HostFacts:
    return HostFacts(Snapshot("h", raws={"certificates": Raw(0, text)}))


def found(text: str) -> list[Deviation]:
    try:
        catalog.requirements["kube.certificates.expiry"].check(facts(text), BASE)
    except Unmet as unmet:
        return list(unmet.deviations)
    return []


def answer(**files: str) -> str:
    rows = [f"now\t{int(NOW.timestamp())}"]
    for name, text in files.items():
        rows += [f"@/etc/kubernetes/pki/{name}.crt", *(f"|{line}" for line in text.splitlines())]
    return "\n".join(rows) + "\n"


def test_only_certificates_leave_the_host(host: Scratch) -> None:
    pki = "/etc/kubernetes/pki"
    cut_off = "\n".join(made().splitlines()[:4])
    put(host.root, f"{pki}/both.crt", KEY_PEM + made("both") + KEY_PEM)
    put(host.root, f"{pki}/cut.pem", f"{cut_off}\n{KEY_PEM}")
    put(host.root, f"{pki}/glued.crt", made("glued").rstrip() + KEY_PEM)
    put(host.root, f"{pki}/prefixed.crt", f"-----BEGIN CERTIFICATE-----{KEY_PEM}")
    put(host.root, f"{pki}/hidden", KEY_PEM + made("hidden"))
    put(host.root, f"{pki}/notes", KEY_PEM)
    put(host.root, f"{pki}/binary.crt", "\0\x01\x02" * 1000)
    out = host.run(CERTIFICATES.probe(None), 30).out.decode()
    assert SECRET not in out
    assert "PRIVATE" not in out
    seen = CERTIFICATES.parse(out)
    subjects = {certificate.path: certificate.subject for certificate in seen.found}
    assert subjects[f"{pki}/both.crt"] == "both"
    assert subjects[f"{pki}/hidden"] == "hidden"
    assert subjects["/etc/kubernetes/admin.conf"] == "admin.conf"
    assert subjects["/var/lib/kubelet/pki/kubelet-client-current.pem"] == "system:node:cp1"
    assert seen.unreadable == {
        f"{pki}/cut.pem": "no certificate in it",
        f"{pki}/glued.crt": "no certificate in it",
        f"{pki}/prefixed.crt": "no certificate in it",
        f"{pki}/binary.crt": "no certificate in it",
    }
    assert seen.keys == {f"{pki}/{name}.key" for name in ("ca", "etcd/ca", "front-proxy-ca")}


def test_a_host_without_a_cluster_has_nothing_that_expires(host: Scratch) -> None:
    for directory in ("etc", "var"):
        shutil.rmtree(host.root / directory)
    out = host.run(CERTIFICATES.probe(None), 30)
    assert out.rc == 0
    assert found(out.out.decode()) == []


@pytest.mark.skipif(os.getuid() == 0, reason="root may enter everything")
def test_what_may_not_be_entered_is_no_answer(host: Scratch) -> None:
    (host.root / "etc/kubernetes/pki").chmod(0o600)
    done = host.run(CERTIFICATES.probe(None), 30)
    (host.root / "etc/kubernetes/pki").chmod(0o700)
    assert done.rc == 1
    assert b"permission denied" in done.err


@pytest.mark.parametrize(
    ("certificate", "said"),
    [
        (made(days=31), []),
        (made(days=29.5), ["29 days, until"]),
        (made(days=-2.5), ["expired 2 days ago"]),
        (made(days=90, begins=3), ["not valid before"]),
        (made(days=5) + made("ca", 6, authority=True), ["5 days", "6 days"]),
        ("", ["no certificate in it"]),
        (made().replace("M", "N"), ["not a certificate"]),
        (made() + "\n".join(made().splitlines()[:5]), ["cut off"]),
    ],
)
def test_each_certificate_that_runs_out_is_named(certificate: str, said: list[str]) -> None:
    seen = found(answer(apiserver=certificate))
    assert len(seen) == len(said)
    for deviation, words in zip(seen, said, strict=True):
        assert words in deviation.found
        assert deviation.where.startswith("/etc/kubernetes/pki/apiserver.crt")


@pytest.mark.parametrize(
    "text", ["", "now\t\n", "now\tx", "bash: now: not found", answer(x=made())[:-1] + "\nrubbish", "\0" * 100]
)
def test_an_answer_that_says_no_time_or_more_than_certificates_is_none(text: str) -> None:
    with pytest.raises(CouldNotLook):
        facts(text)[CERTIFICATES]


def renew(host: Scratch, *, apply: bool = True) -> Change:
    change = Change(host, run="run", apply=apply, allowed="restart")
    try:
        catalog.remedies["kube.certificates.expiry"].fix(change, BASE, facts(""))
    except ChangeFailed as error:
        vars(error)["change"] = change
        raise
    return change


def test_what_runs_out_is_renewed_and_who_uses_it_is_restarted_once(host: Scratch) -> None:
    for name in ("apiserver", "front-proxy-client", "etcd-server", "admin.conf", "scheduler.conf"):
        path = MANAGED[name][0]
        put(host.root, path, kubeconfig(made(name, 5)) if path.endswith(".conf") else made(name, 5))
    planned = [action.summary for action in renew(host, apply=False).actions]
    assert log(host) == []
    done = renew(host)
    assert [action.summary for action in done.actions] == planned
    assert log(host) == [
        *(f"kubeadm certs renew {name}"
          for name in ("etcd-server", "apiserver", "front-proxy-client", "admin.conf", "scheduler.conf")),
        "end 100", "end 101", "end 103",
    ]  # fmt: skip
    assert host.certificates().short(30) == []
    assert renew(host).actions == []
    assert not any(SECRET in action.diff + action.undo for action in done.actions)


def test_kubeadm_before_1_20_renews_by_another_name(host: Scratch) -> None:
    put(host.root, MANAGED["apiserver"][0], made(days=5))
    script = (host.root / "tools/kubeadm").read_text()
    tool(host.root, "kubeadm", script.replace("v1.20.2", "v1.19.9"))
    planned = renew(host, apply=False)
    assert planned.actions[0].summary == "kubeadm alpha certs renew apiserver"


def test_a_component_that_does_not_come_back_gets_its_old_files_again(
    host: Scratch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(static_pods, "_DEADLINE", 1)
    old = made(days=5)
    put(host.root, MANAGED["apiserver"][0], old)
    put(host.root, "/ill", "")
    put(host.root, "/var/log/pods/kube-system_kube-apiserver-cp1_0/kube-apiserver/1.log", "the last words\n")
    with pytest.raises(ChangeFailed, match="the last words") as caught:
        renew(host)
    (host.root / "ill").unlink()
    assert vars(caught.value)["change"].rollback() == []
    assert (host.root / MANAGED["apiserver"][0].lstrip("/")).read_text() == old
    assert log(host)[-1] == "end 9101"


def test_a_component_that_does_not_end_is_killed(host: Scratch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(static_pods, "_GRACE", 1)
    monkeypatch.setattr(static_pods, "_DEADLINE", 3)
    put(host.root, MANAGED["apiserver"][0], made(days=5))
    put(host.root, "/stubborn", "")
    renew(host)
    assert log(host)[-2:] == ["end 101", "end -KILL 101"]


def test_a_renewal_that_fails_restarts_nothing_and_is_undone(host: Scratch) -> None:
    old = made(days=5)
    put(host.root, MANAGED["apiserver"][0], old)
    put(host.root, "/kubeadm-fails", "")
    with pytest.raises(ChangeFailed, match="cannot renew") as caught:
        renew(host)
    assert vars(caught.value)["change"].rollback() == []
    assert log(host) == ["kubeadm certs renew apiserver"]
    assert (host.root / MANAGED["apiserver"][0].lstrip("/")).read_text() == old


@pytest.mark.parametrize(
    ("path", "certificate", "why"),
    [
        ("/etc/kubernetes/pki/ca.crt", made("kubernetes", 5, authority=True), "is an authority"),
        ("/var/lib/kubelet/pki/kubelet-client-current.pem", made(days=5), "kubelet rotates it"),
        ("/var/lib/kubelet/pki/kubelet.crt", made(days=5) + made("ca", 5, authority=True), "restart kubelet"),
        ("/etc/kubernetes/kubelet.conf", kubeconfig(made(days=5)), "kubelet-client-current.pem"),
        ("/etc/kubernetes/pki/vendor.crt", made(days=5), "not kubeadm's: its owner must renew it"),
        ("/etc/kubernetes/pki/front-proxy-client.crt", made(days=5), "the external authority must sign a new one"),
        ("/etc/kubernetes/pki/broken.crt", "rubbish", "no certificate in it"),
    ],
)
def test_what_kubeadm_cannot_renew_is_refused_before_anything_is_changed(
    host: Scratch, path: str, certificate: str, why: str
) -> None:
    put(host.root, path, certificate)
    put(host.root, MANAGED["apiserver"][0], made(days=5))
    (host.root / "etc/kubernetes/pki/front-proxy-ca.key").unlink()
    with pytest.raises(ChangeFailed, match=why):
        renew(host)
    assert log(host) == []


def test_the_tests_see_no_process_of_this_machine(host: Scratch) -> None:
    done = host.run(f"{COMPONENT}\npids kube-apiserver", 10)
    assert done.out == b"101\n"
