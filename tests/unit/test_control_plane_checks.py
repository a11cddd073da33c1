"""The checks of a running control plane, on answers of a host, and what the probes make of one."""

import os
from pathlib import Path

import pytest

from trueup.change import Change
from trueup.connection.local import Process
from trueup.errors import ChangeFailed, CouldNotLook
from trueup.facts.kube.control_plane import HEALTH, parse_answer
from trueup.facts.kube.etcd import parse_etcd, parse_socket
from trueup.facts.kube.static_pods import PROCESSES, duration, minor
from trueup.model.catalog import catalog
from trueup.model.claims import Deviation, Unmet
from trueup.model.profile import load
from trueup.model.snapshot import Raw, Snapshot
from trueup.model.view import HostFacts
from trueup.profiles.schema import Spec

catalog.load("trueup.checks", "trueup.remediations")
BASE = load("base").spec("cp1")
REFUSED = """|curl: (7) Failed to connect to 10.77.0.11 port 6443 after 0 ms: Couldn't connect to server
|
|http 000
|curl 7
"""


def facts(**answers: str) -> HostFacts:
    raws = {name.replace("__", ".").replace("_X_", "-"): Raw(0, text) for name, text in answers.items()}
    return HostFacts(Snapshot("h", raws=raws))


def found(id: str, facts: HostFacts, spec: Spec = BASE) -> list[Deviation]:
    try:
        catalog.requirements[id].check(facts, spec)
    except Unmet as unmet:
        return list(unmet.deviations)
    return []


def health(component: str, text: str) -> list[Deviation]:
    id = f"kube.{component.removeprefix('kube-').replace('-', '_')}.health"
    return found(id, HostFacts(Snapshot("h", raws={f"control_plane.{component}": Raw(0, text)})))


LIVE = """pod	present	4242	active
@https://10.77.0.11:6443/livez
|[+]ping ok
|[+]log ok
|[+]etcd ok
|livez check passed
|
|http 200
|curl 0
"""
READY = LIVE.partition("\n")[2].replace("livez", "readyz")


def test_a_component_that_is_well_passes() -> None:
    assert health("kube-apiserver", LIVE + READY) == []


FAILING = LIVE.replace("[+]etcd ok", "[-]etcd failed: reason withheld\n|[-]log failed: reason withheld").replace(
    "http 200", "http 500"
)


def test_each_sub_check_that_fails_is_named_with_the_reason_that_was_withheld() -> None:
    seen = health(
        "kube-apiserver", f"{FAILING}why\t/livez\tetcd\tcontext deadline exceeded\nwhy\t/livez\tlog\t\n{READY}"
    )
    assert [(deviation.where, deviation.found) for deviation in seen] == [
        ("etcd at https://10.77.0.11:6443/livez", "context deadline exceeded"),
        ("log at https://10.77.0.11:6443/livez", "reason withheld"),
    ]


def test_a_static_pod_that_does_not_answer_says_what_it_is_doing() -> None:
    path = "/var/log/pods/kube-system_kube-apiserver-cp1_0/kube-apiserver/6.log"
    said = "2026-11-25T09:00:00Z stderr F Error: no etcd"
    text = f"pod\tpresent\t\tactive\n@https://10.77.0.11:6443/livez\n{REFUSED}log\t{path}\t{said}"
    (deviation,) = health("kube-apiserver", text)
    assert (deviation.found, deviation.where) == ("connection refused", "https://10.77.0.11:6443/livez")
    doing = "its manifest is there, but no process of it; kubelet is active"
    assert deviation.hint == f"{doing}, begun 7 times; last in {path}: 2026-11-25T09:00:00 Error: no etcd"


def test_a_host_without_the_manifest_is_told_apart() -> None:
    (deviation,) = health("kube-scheduler", "pod\tabsent\t\tfailed\n")
    assert (deviation.where, deviation.layer) == ("/etc/kubernetes/manifests/kube-scheduler.yaml", "declared")
    assert deviation.found == "no manifest and no process"


@pytest.mark.parametrize(
    ("body", "code", "found"),
    [
        ('{"health":"true","reason":""}', 200, []),
        ('{"health":"true"}', 200, []),
        ('{"health":"false","reason":"RAFT NO LEADER"}', 503, ["RAFT NO LEADER"]),
        ('{"health":"false"}', 503, ["health is false"]),
        ("", 404, ["404"]),
        ("404 page not found", 404, ["404 404 page not found"]),
    ],
)
def test_etcd_says_why_it_is_ill(body: str, code: int, found: list[str]) -> None:
    text = f"pod\tpresent\t7\tactive\n@http://127.0.0.1:2381/health\n|{body}\n|http {code}\n|curl 0\n"
    assert [deviation.found for deviation in health("etcd", text)] == found


def test_what_is_not_for_everybody_is_no_answer() -> None:
    with pytest.raises(CouldNotLook, match="403"):
        health("kube-apiserver", LIVE.replace("http 200", "http 403"))


@pytest.mark.parametrize(
    "text", ["", "pod", "pod\tpresent\t\t\n@u\n|rubbish", "pod\tpresent\t\t\n@u\n", "\0", "pod\tx\t\t"]
)
def test_an_answer_of_nobody_is_none(text: str) -> None:
    with pytest.raises(CouldNotLook):
        health("etcd", text)


ON_SERVER = (
    r'Error from server (InternalError): an error on the server ("[+]ping ok\n[-]etcd failed: reason withheld") '
)


@pytest.mark.parametrize(
    ("lines", "code", "problem"),
    [
        (["curl: (28) Operation timed out", "http 000", "curl 28"], 0, "no answer in time"),
        (["curl: (7) No route to host", "http 000", "curl 7"], 0, "No route to host"),
        (["curl: (35) OpenSSL: wrong version", "http 000", "curl 35"], 0, "OpenSSL: wrong version"),
        (["ok", "kubectl 0"], 200, ""),
        ([ON_SERVER + "has prevented the request from succeeding", "kubectl 1"], 500, ""),
        (["Error from server (Forbidden): forbidden: User cannot get path", "kubectl 1"], 403, ""),
        (["error: You must be logged in to the server (the server has asked …)", "kubectl 1"], 401, ""),
        (["The connection to the server 127.0.0.1:10259 was refused", "kubectl 1"], 0, "connection refused"),
        (["Unable to connect: EOF", "kubectl 1"], 0, "Unable to connect: EOF"),
        (["kubectl 1"], 0, "no output"),
    ],
)  # fmt: skip
def test_whoever_asked_the_answer_is_the_same(lines: list[str], code: int, problem: str) -> None:
    answer = parse_answer("u", lines)
    assert (answer.code, answer.problem) == (code, problem)
    assert list(answer.failing) == (["etcd"] if code == 500 else [])


MANIFESTS = "".join(
    f"{name}\t/etc/kubernetes/manifests/{name}.yaml\t600 root:root\tr/{name}:v1.20.2\n"
    for name in ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler")
)
ETCD = """@etcd	100
|etcd
|--client-cert-auth=true
|--data-dir=/var/lib/etcd
|--listen-client-urls=https://127.0.0.1:2379,https://10.77.0.11:2379
|--listen-peer-urls=https://10.77.0.11:2380
|--peer-client-cert-auth=true
|--peer-trusted-ca-file=/etc/kubernetes/pki/etcd/ca.crt
|--trusted-ca-file=/etc/kubernetes/pki/etcd/ca.crt
"""
RUNNING = ETCD + "".join(
    f"@{name}\t{pid}\n|{name}\n"
    for pid, name in enumerate(("kube-apiserver", "kube-controller-manager", "kube-scheduler"), start=101)
)


@pytest.mark.parametrize(
    ("manifests", "processes", "expected"),
    [
        (MANIFESTS, RUNNING, []),
        (MANIFESTS.replace("600", "400"), RUNNING, []),
        (MANIFESTS.replace("etcd.yaml\t600", "etcd.yaml\t644"), RUNNING, ["644 root:root"]),
        (MANIFESTS.replace("etcd.yaml\t600 root:root", "etcd.yaml\t600 etcd:root"), RUNNING, ["600 etcd:root"]),
        (MANIFESTS.partition("\n")[2], RUNNING, ["none"]),
        (MANIFESTS, RUNNING.replace(ETCD, ""), ["none"]),
        ("", "", ["none"] * 8),
    ],
)
def test_the_manifests_are_there_for_root_alone_and_run(manifests: str, processes: str, expected: list[str]) -> None:
    seen = found(
        "kube.control_plane.static_pods",
        facts(control_plane__manifests=manifests, control_plane__processes=processes),
    )
    assert [deviation.found for deviation in seen] == expected


ACCESS = """directory	700	/var/lib/etcd
listens	0B004D0A:094B
listens	0B004D0A:094C
listens	0100007F:094B
listens	0100007F:094D
@https://127.0.0.1:2379/version
|curl: (56) OpenSSL SSL_read: error:0A000412:SSL routines::sslv3 alert bad certificate, errno 0
|
|http 000
|curl 56
"""


@pytest.mark.parametrize(
    ("processes", "access", "expected"),
    [
        (ETCD, ACCESS, []),
        (ETCD.replace("|--client-cert-auth=true\n", ""), ACCESS, ["not given"]),
        (ETCD.replace("|--client-cert-auth=true", "|--client-cert-auth"), ACCESS, []),
        (ETCD.replace("--client-cert-auth=true", "--client-cert-auth=false"), ACCESS, ["false"]),
        (ETCD.replace("|--peer-trusted-ca-file", "|--other"), ACCESS, ["not given"]),
        (ETCD.replace("https://127.0.0.1", "http://127.0.0.1"), ACCESS, ["http"]),
        (
            ETCD.replace("https://127.0.0.1:2379,https://10.77.0.11:2379", "https://0.0.0.0:2379"),
            ACCESS.replace("0100007F:094B", "00000000000000000000000000000000:094B"),
            ["0.0.0.0:2379", "10.77.0.11:2379", ":::2379"],
        ),
        (ETCD, ACCESS.replace("0100007F:094B", "00000000:094B"), ["0.0.0.0:2379"]),
        (ETCD, ACCESS.replace("http 000", "http 200").replace("curl 56", "curl 0"), ["answered 200"]),
        (ETCD, ACCESS.replace("700", "755"), ["755"]),
        ("", "", ["none"]),
        # a unit's environment counts, and its flags before that
        (ETCD.replace("|etcd\n", "|--client-cert-auth=false\n|etcd\n"), ACCESS, []),
    ],
)
def test_only_who_is_let_reaches_etcd(processes: str, access: str, expected: list[str]) -> None:
    seen = found("kube.etcd.access", facts(control_plane__processes=processes, control_plane__etcd_access=access))
    assert [deviation.found for deviation in seen] == expected


def test_an_etcd_by_a_file_of_its_own_is_not_judged_by_its_flags() -> None:
    answers = facts(
        control_plane__processes=ETCD + "|--config-file=/etc/etcd.yaml\n", control_plane__etcd_access=ACCESS
    )
    with pytest.raises(CouldNotLook, match="--config-file"):
        found("kube.etcd.access", answers)


def monitoring(manager: str = "", server: str = "", version: str = "v1.20.2") -> list[str]:
    processes = f"@kube-controller-manager\t1\n|x\n{manager}@kube-apiserver\t2\n|x\n{server}"
    answers = facts(control_plane__processes=processes, control_plane__manifests=MANIFESTS.replace("v1.20.2", version))
    return [
        f"{deviation.where.partition(' ')[0]} {deviation.found}"
        for deviation in found("kube.controller_manager.node_monitoring", answers)
    ]


@pytest.mark.parametrize(
    ("manager", "server", "version", "expected"),
    [
        ("", "", "v1.20.2", []),
        ("|--node-monitor-period=5000ms\n|--node-monitor-grace-period\n|0m40s\n", "", "v1.20.2", []),
        ("|--node-monitor-period=2s\n", "", "v1.20.2", ["--node-monitor-period 2s"]),
        ("", "", "v1.31.4", []),
        ("", "", "v1.32.0", ["--node-monitor-grace-period 50s"]),
        ("|--node-monitor-grace-period=40s\n", "", "v1.32.0", []),
        ("|--node-monitor-period=soon\n", "", "v1.20.2", ["--node-monitor-period not a duration: 'soon'"]),
        ("|--pod-eviction-timeout=1m\n", "", "v1.20.2", []),  # of no effect where taints evict
        ("|--pod-eviction-timeout=1m\n", "", "v1.12.9", ["--pod-eviction-timeout 1m"]),
        (
            "",
            "|--default-not-ready-toleration-seconds=30\n",
            "v1.20.2",
            ["--default-not-ready-toleration-seconds 30s"],
        ),
        (
            "",
            "|--disable-admission-plugins=DefaultTolerationSeconds\n",
            "v1.20.2",
            ["--disable-admission-plugins at once: DefaultTolerationSeconds is off"],
        ),
    ],
)
def test_a_silent_node_is_lost_when_the_profile_says(
    manager: str, server: str, version: str, expected: list[str]
) -> None:
    assert monitoring(manager, server, version) == expected


@pytest.mark.parametrize(
    ("text", "seconds"), [("5m", 300), ("1m30s", 90), ("0", 0), ("1.5h", 5400), ("100ms", 0.1), ("5m0s", 300)]
)
def test_a_duration_is_read_as_go_does(text: str, seconds: float) -> None:
    assert duration(text) == seconds


@pytest.mark.parametrize("text", ["", "5", "s", "5 m", "5m!", "1" * 400 + "s", "٣s"])
def test_what_is_no_duration_says_so(text: str) -> None:
    with pytest.raises(ValueError, match="not a duration"):
        duration(text)


@pytest.mark.parametrize(
    ("version", "expected"),
    [("r:5000/k:v1.20.2", 20), ("v1.32.0-rc.1", 32), ("1.9.1", 9), ("r/k:latest", None), ("", None)],
)
def test_the_minor_of_a_version(version: str, expected: int | None) -> None:
    assert minor(version) == expected


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ("0B004D0A:094B", ("10.77.0.11", 2379)),
        ("00000000000000000000000001000000:094C", ("::1", 2380)),
        ("0000000000000000FFFF00000100007F:0050", ("127.0.0.1", 80)),
    ],
)
def test_a_socket_is_read_as_the_kernel_writes_it(row: str, expected: tuple[str, int]) -> None:
    assert parse_socket(row) == expected


@pytest.mark.parametrize(
    "text", ["directory\tx\t/", "rubbish", "directory\t700\t/\nlistens\t1:2", "directory\t700\t/\n?"]
)
def test_an_answer_about_etcd_that_is_none(text: str) -> None:
    with pytest.raises(ValueError, match=r"not a |no row|unknown row"):
        parse_etcd(text)


def test_flags_are_read_as_a_program_in_go_reads_them() -> None:
    (process,) = PROCESSES.parse("@etcd\t1\n|etcd\n|--a=1\n|-b\n|2\n|--c\n|--d=x=y\n|--a=3\n|--e=\n")["etcd"]
    assert process.flags == {"a": "3", "b": "2", "c": "true", "d": "x=y", "e": ""}


@pytest.fixture
def manifests(tmp_path: Path) -> Path:
    directory = tmp_path / "manifests"
    directory.mkdir()
    for name in ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler"):
        (directory / f"{name}.yaml").write_text("kind: Pod\n")
        (directory / f"{name}.yaml").chmod(0o600)
    return directory


def guard(directory: Path, monkeypatch: pytest.MonkeyPatch, *, processes: str = RUNNING, apply: bool = True) -> Change:
    change = Change(Process(["sh"], "cp1"), run="run", apply=apply, allowed="none")
    rows = ""
    for file in sorted(directory.iterdir()):
        rows += f"{file.stem}\t{file}\t{file.stat().st_mode & 0o777:o} root:root\tr/{file.stem}:v1.20.2\n"
    answers = facts(control_plane__manifests=rows, control_plane__processes=processes)
    monkeypatch.setattr(change, "ask", lambda fact: answers[fact])
    catalog.remedies["kube.control_plane.static_pods"].fix(change, BASE, answers)
    return change


def test_a_manifest_that_others_may_read_is_closed_to_them(manifests: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = manifests / "etcd.yaml"
    file.chmod(0o644)
    assert [action.verb for action in guard(manifests, monkeypatch, apply=False).actions] == ["run"]
    assert file.stat().st_mode & 0o777 == 0o644
    change = guard(manifests, monkeypatch)
    assert file.stat().st_mode & 0o777 == 0o600
    assert guard(manifests, monkeypatch).actions == []
    assert change.rollback() == []
    assert file.stat().st_mode & 0o777 == 0o644


def test_what_does_not_run_is_left_to_a_person(manifests: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (manifests / "etcd.yaml").chmod(0o644)
    with pytest.raises(ChangeFailed, match="etcd does not run"):
        guard(manifests, monkeypatch, processes=RUNNING.replace(ETCD, ""))
    (manifests / "etcd.yaml").unlink()
    with pytest.raises(ChangeFailed, match="no manifest of etcd"):
        guard(manifests, monkeypatch)


@pytest.fixture
def probed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> "Probed":
    return Probed(tmp_path, monkeypatch)


class Probed:
    """A host that is a scratch root, with curl and kubectl as scripts."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.root = root
        for directory in ("etc/kubernetes/manifests", "proc", "tools"):
            (root / directory).mkdir(parents=True)
        monkeypatch.setenv("PATH", f"{root}/tools:{os.environ['PATH']}")

    def put(self, path: str, text: str) -> None:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        file.chmod(0o755)

    def health(self, component: str, *, curl: bool = True) -> list[Deviation]:
        script = HEALTH[component].probe(None)
        script = script if curl else script.replace("command -v curl", "false")
        for place in ("/etc/kubernetes", "/proc/", "/var/log/pods"):
            script = script.replace(place, f"{self.root}{place}")
        done = Process(["sh"], "cp1").run(script, 60)
        assert (done.rc, done.err) == (0, b"")
        return health(component, done.out.decode(errors="replace").replace(str(self.root), ""))


def test_the_probe_asks_where_the_manifest_says_and_fetches_the_reason(probed: Probed) -> None:
    probed.put(
        "etc/kubernetes/manifests/kube-apiserver.yaml",
        'spec:\n  - command:\n    - kube-apiserver\n    - --advertise-address=10.0.0.5\n    - "--secure-port=7443"\n',
    )
    probed.put("tools/curl", """#!/bin/sh
for url; do :; done
case $url in
https://10.0.0.5:7443/livez?verbose) echo '[-]etcd failed: reason withheld'; echo '[+]ping ok'; echo 'http 500';;
*) echo ok; echo 'http 200';; esac""")  # fmt: skip
    (deviation,) = probed.health("kube-apiserver")
    assert (deviation.where, deviation.found) == ("etcd at https://10.0.0.5:7443/livez", "reason withheld")
    log = "var/log/pods/kube-system_kube-apiserver-cp1_0/kube-apiserver/0.log"
    probed.put(
        log, "t stderr F [-]etcd failed: old\nt stderr F [-]etcd failed: context deadline exceeded\nt stderr F x\n"
    )
    (deviation,) = probed.health("kube-apiserver")
    assert deviation.found == "context deadline exceeded"
    probed.put("etc/kubernetes/admin.conf", "")
    probed.put("tools/kubectl", """#!/bin/sh
for path; do :; done
[ "$path" = /livez/etcd ] && echo 'Error from server (InternalError): an error on the server ("internal server error: \
etcd is away") has prevented the request from succeeding' >&2; exit 1""")  # fmt: skip
    (deviation,) = probed.health("kube-apiserver")
    assert deviation.found == "etcd is away"


def test_without_curl_kubectl_asks_as_somebody(probed: Probed) -> None:
    probed.put("etc/kubernetes/manifests/etcd.yaml", "    - --listen-metrics-urls=http://127.0.0.1:2381\n")
    probed.put("etc/kubernetes/admin.conf", "")
    probed.put("tools/kubectl", f"""#!/bin/sh
case "$*" in "--kubeconfig={probed.root}/etc/kubernetes/admin.conf --server=http://127.0.0.1:2381 "*" /health")
  printf '{{"health":"true"}}'; exit;;
esac
echo "Please enter Username: error: EOF"; exit 1""")  # fmt: skip
    assert probed.health("etcd", curl=False) == []
    probed.put("tools/kubectl", "#!/bin/sh\necho 'The connection to the server 127.0.0.1:2381 was refused'; exit 1")
    (deviation,) = probed.health("etcd", curl=False)
    assert deviation.found == "connection refused"


def test_the_arguments_of_a_process_that_runs_count_before_its_manifest(probed: Probed) -> None:
    probed.put("etc/kubernetes/manifests/kube-scheduler.yaml", "    - --secure-port=1\n")
    probed.put("proc/77/comm", "kube-scheduler\n")
    probed.put("proc/77/cmdline", "/usr/local/bin/kube-scheduler\0--bind-address=0.0.0.0\0--secure-port\0002\0")
    probed.put("proc/78/comm", "kube-scheduler\n")
    probed.put("proc/78/cmdline", "tail\0")
    probed.put("tools/curl", "#!/bin/sh\necho 'curl: (7) x'; echo http 000; exit 7")
    (deviation,) = probed.health("kube-scheduler")
    assert deviation.where == "https://127.0.0.1:2/healthz"
    assert deviation.hint == "its process 77 runs; no log of it"


def test_the_last_word_of_a_log_is_its_error(probed: Probed) -> None:
    probed.put("etc/kubernetes/manifests/etcd.yaml", "    - --listen-metrics-urls=http://127.0.0.1:2381\n")
    probed.put("tools/curl", "#!/bin/sh\necho 'curl: (7) x'; echo http 000; exit 7")
    log = "var/log/pods/kube-system_etcd-cp1_0/etcd/3.log"
    said = "2026-11-25T09:00:00.1Z stderr F "
    probed.put(log, f"{said}F1125 main.go] no space left\n{said}goroutine 1:\n" + "\0\xff" * 9 + "\n")
    (deviation,) = probed.health("etcd")
    assert deviation.where == "http://127.0.0.1:2381/health"
    assert deviation.hint.endswith(f"begun 4 times; last in /{log}: 2026-11-25T09:00:00 F1125 main.go] no space left")
