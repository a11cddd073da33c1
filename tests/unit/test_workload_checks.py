"""The checks of what runs on a cluster, on objects as its API gives them; the two sets of examples among them."""

import copy
import socket
import threading
from pathlib import Path
from typing import Any

import pytest
from made_cluster import MadeApi, example, found, running, said

from trueup.facts.kube import troubled_pods, workloads
from trueup.kubeapi import manifests
from trueup.model.catalog import catalog
from trueup.model.profile import load
from trueup.profiles.keys.workload import Dashboard, ServicePort
from trueup.profiles.schema import Spec
from trueup.remediations import workload

catalog.load("trueup.checks", "trueup.remediations")
SEED = load("aliyun-kubeadm-1.24").spec("any")
NODE = {
    "kind": "Node", "metadata": {"name": "n1"}, "spec": {},
    "status": {"addresses": [{"type": "InternalIP", "address": "10.0.4.8"}]},
}  # fmt: skip
NAMESPACE = {"kind": "Namespace", "metadata": {"name": "myserver"}, "status": {"phase": "Active"}}
SELF = {"cluster.self": "n1\n10.0.4.8\n"}


def nginx(**values: Any) -> Spec:
    """The seed's profile with other values for nginx, and none of our own connections."""
    given = SEED.workload.nginx.model_copy(update={"from_runner": False} | values)
    return SEED.model_copy(update={"workload": SEED.workload.model_copy(update={"nginx": given})})


CORRECTED = nginx(
    image="docker.io/library/nginx:1.22.1",
    ports=[ServicePort(name="http", port=80, node_port=30004)],
    requests={"cpu": "500m", "memory": "1Gi"},
)


def endpoints(ready: int) -> dict[str, Any]:
    subsets = [{"addresses": [{"ip": "10.100.1.2"}] * ready}] if ready else []
    return {
        "kind": "Endpoints",
        "metadata": {"name": "myserver-nginx-service", "namespace": "myserver"},
        "subsets": subsets,
    }


@pytest.mark.parametrize(
    ("id", "words"),
    [
        ("workload.nginx.namespace", ["not there"]),
        ("workload.plaintext_secrets", ["env password of myserver-nginx-container", "a literal value"]),
        ("workload.resources", ["cpu, memory", "requests of", "limits of", "found     nginx"]),
    ],
)
def test_the_guides_own_manifests_are_found_wrong_and_the_corrected_ones_right(id: str, words: list[str]) -> None:
    text = said(found(id, MadeApi(*example("seed/nginx.yaml")), SEED))
    assert all(each in text for each in words)
    assert "123456" not in text
    assert not found(id, MadeApi(*example("corrected/nginx.yaml")), SEED)


def test_both_sets_are_what_their_profile_says_of_deployment_and_service() -> None:
    for spec, name in ((nginx(), "seed"), (CORRECTED, "corrected")):
        api = MadeApi(*example(f"{name}/nginx.yaml"), endpoints(1))
        assert not found("workload.nginx.deployment", api, spec)
        assert not found("workload.nginx.service", api, spec)


def test_what_the_remedies_apply_is_what_the_checks_want() -> None:
    for spec in (nginx(), CORRECTED):
        wanted = spec.workload.nginx
        made = [workload.namespace(wanted), workload.deployment(wanted), workload.service(wanted)]
        api = MadeApi(*map(running, made), endpoints(1))
        for id in ("namespace", "deployment", "service"):
            assert not found(f"workload.nginx.{id}", api, spec)


def test_the_value_of_a_variable_does_not_leave_the_fetch() -> None:
    (deployment, _) = example("seed/nginx.yaml")
    kept = workloads.prune_workload("Deployment", deployment)
    assert "123456" not in str(kept)
    assert kept["containers"][0]["secrets"] == ["password"]


@pytest.mark.parametrize("value", ["", "true", "False", None])
def test_what_is_no_secret_is_none_whatever_it_is_called(value: str | None) -> None:
    (deployment, _) = example("seed/nginx.yaml")
    env = {"name": "USE_AUTH"} | ({} if value is None else {"value": value})
    deployment["spec"]["template"]["spec"]["containers"][0]["env"] = [env]
    assert not found("workload.plaintext_secrets", MadeApi(deployment), SEED)


def test_the_clusters_own_namespaces_are_not_asked_about_secrets() -> None:
    (deployment, _) = example("seed/nginx.yaml")
    deployment["metadata"]["namespace"] = "kube-system"
    assert not found("workload.plaintext_secrets", MadeApi(deployment), SEED)


@pytest.mark.parametrize(
    ("image", "pinned"),
    [
        ("nginx", False), ("nginx:latest", False), ("registry:5000/nginx", False), ("nginx:1.22", True),
        ("registry:5000/nginx:1.22", True), (f"nginx@sha256:{'a' * 64}", True), ("nginx:latest-alpine", True),
    ],
)  # fmt: skip
def test_an_image_without_a_version_is_named(image: str, pinned: bool) -> None:
    deployment = example("corrected/nginx.yaml")[1]
    deployment["spec"]["template"]["spec"]["containers"][0]["image"] = image
    assert bool(found("workload.resources", MadeApi(deployment), SEED)) is not pinned


def changed(path: str, value: Any) -> dict[str, Any]:
    (deployment, _) = example("seed/nginx.yaml")
    *parents, last = path.split(".")
    node: Any = deployment
    for part in parents:
        node = node[int(part) if part.isdigit() else part]
    node[last] = value
    return deployment


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        ("spec.selector.matchLabels", {"app": "x"}, "no automatic remedy: spec.selector cannot be changed"),
        ("spec.template.spec.containers.0.image", "nginx:1", "found     nginx:1"),
        ("spec.template.spec.containers.0.name", "other", "containers of Deployment"),
        ("spec.template.spec.containers.0.ports", [{"containerPort": 80}], "containerPort 443"),
        ("spec.replicas", 2, "replicas of"),
        ("metadata.labels", {}, "labels of"),
        ("metadata.generation", 3, "its controller has not seen the latest change yet"),
        ("status.availableReplicas", 0, "0 of 1 pods ready"),
        ("status.replicas", 2, "1 old"),
    ],
)
def test_each_difference_of_a_deployment_is_named(path: str, value: Any, words: str) -> None:
    assert words in said(found("workload.nginx.deployment", MadeApi(changed(path, value)), nginx()))


@pytest.mark.parametrize(("left", "words"), [(0, ""), (1, "1 old")])
def test_a_profile_may_want_no_pod_and_then_none_may_be_left(left: int, words: str) -> None:
    deployment = changed("spec.replicas", 0)
    deployment["status"] |= {"replicas": left, "updatedReplicas": 0, "readyReplicas": 0, "availableReplicas": 0}
    text = said(found("workload.nginx.deployment", MadeApi(deployment), nginx(replicas=0)))
    assert words in text if words else not text


def pod(**status: Any) -> dict[str, Any]:
    return {
        "kind": "Pod",
        "metadata": {"name": "web-1", "namespace": "myserver", "labels": {"app": "myserver-nginx-selector"}},
        "spec": {"nodeName": "n1"},
        "status": {"phase": "Running"} | status,
    }


def container(ready: bool = False, restarts: int = 0, **state: Any) -> list[dict[str, Any]]:
    return [{"name": "c", "ready": ready, "restartCount": restarts, "state": state}]


CRASHED = pod(containerStatuses=container(restarts=3, waiting={"reason": "CrashLoopBackOff"}))
UNSCHEDULED = {
    "type": "PodScheduled",
    "status": "False",
    "reason": "Unschedulable",
    "message": "0/3 nodes\nare available",
}


@pytest.mark.parametrize(
    ("live", "words"),
    [
        (CRASHED, "CrashLoopBackOff; its last line is 'bind() failed'"),
        (pod(containerStatuses=container(waiting={"reason": "ImagePullBackOff", "message": "no such tag"})),
         "ImagePullBackOff; no such tag"),
        (pod(containerStatuses=container(terminated={"exitCode": 3})), "exit code 3"),
        (pod(containerStatuses=container(running={})), "not ready"),
        (pod(initContainerStatuses=container(waiting={"reason": "CreateContainerConfigError"})),
         "CreateContainerConfigError"),
        (pod(phase="Pending", conditions=[UNSCHEDULED]), "Unschedulable; 0/3 nodes are available"),
        (pod(phase="Failed", reason="Evicted", message="low on memory"), "Evicted; low on memory"),
        (pod(phase=""), "no status"),
    ],
)  # fmt: skip
def test_a_pod_in_trouble_says_why(live: dict[str, Any], words: str) -> None:
    texts = {"/api/v1/namespaces/myserver/pods/web-1/log": "starting\nbind() failed\n\n"}
    event = {"kind": "Event", "metadata": {"name": "e", "namespace": "myserver"}, "message": "from an event"}
    deployments = example("seed/nginx.yaml")
    text = said(found("workload.nginx.deployment", MadeApi(live, event, *deployments, texts=texts), nginx()))
    assert words.partition(";")[0] in text and words.partition("; ")[2] in text
    assert "from an event" in text


def test_a_dashboard_is_there_as_its_manifest_says_or_its_pods_say_why_not(tmp_path: Path) -> None:
    def dashboard(manifest: Path) -> Spec:
        given = SEED.workload.model_copy(update={"dashboard": Dashboard(manifest=str(manifest))})
        return SEED.model_copy(update={"workload": given})

    manifest = Path(__file__).parents[2] / "lab/manifests/dashboard.yaml"
    made, spec = [running(each) for each in manifests.read(str(manifest))], dashboard(manifest)
    meta = {"namespace": "kubernetes-dashboard", "labels": {"k8s-app": "kubernetes-dashboard"}}
    ours = CRASHED | {"metadata": CRASHED["metadata"] | meta}
    others = CRASHED | {"metadata": CRASHED["metadata"] | meta | {"labels": {}}}
    assert "not there" in said(found("kube.dashboard.ready", MadeApi(), spec))
    assert not found("kube.dashboard.ready", MadeApi(*made, others), spec)
    assert "CrashLoopBackOff" in said(found("kube.dashboard.ready", MadeApi(*made, ours), spec))
    (tmp_path / "m.yaml").write_text("apiVersion: v1\nkind: Namespace\nmetadata: {name: x}\n")
    text = said(found("kube.dashboard.ready", MadeApi(), dashboard(tmp_path / "m.yaml")))
    assert "a Deployment" in text and f"{tmp_path}/m.yaml" in text


@pytest.mark.parametrize(
    "live",
    [
        pod(conditions=[{"type": "Ready", "status": "True"}]),
        pod(phase="Succeeded"),
        CRASHED | {"metadata": CRASHED["metadata"] | {"deletionTimestamp": "now"}},
    ],
)
def test_a_pod_that_is_well_done_or_going_is_in_no_trouble(live: dict[str, Any]) -> None:
    assert troubled_pods.prune_pod(live) is None


def test_a_hundred_pods_in_trouble_are_named_and_ten_are_heard() -> None:
    pods = [CRASHED | {"metadata": CRASHED["metadata"] | {"name": f"web-{n:03}"}} for n in range(100)]
    texts = {f"/api/v1/namespaces/myserver/pods/web-{n:03}/log": "x" * 9000 for n in range(100)}
    kept = troubled_pods.fetch_troubled(MadeApi(*pods, texts=texts), ["myserver"])  # type: ignore[arg-type]
    assert len(kept) == 100
    assert sum(bool(each["log"]) for each in kept) == 10
    assert len(str(kept)) < 40_000


def services(**changes: Any) -> list[dict[str, Any]]:
    (_, service) = example("seed/nginx.yaml")
    service["spec"].update(changes)
    return [service]


SQUATTER = {
    "kind": "Service",
    "metadata": {"name": "squatter", "namespace": "default"},
    "spec": {"type": "NodePort", "ports": [{"port": 1, "nodePort": 30443}]},
}


@pytest.mark.parametrize(
    ("objects", "words"),
    [
        ([*services(type="ClusterIP"), endpoints(1)], "found     ClusterIP"),
        ([*services(selector={"app": "x"}), endpoints(0)], "none: no pod matches its selector"),
        ([*services(ports=[{"port": 80, "nodePort": 30004}]), endpoints(1)], "nodePort 30443"),
        ([*services(ports=[{"port": 80, "nodePort": 30004}]), endpoints(1), SQUATTER],
         "taken by Service default/squatter"),
        ([SQUATTER], "nodePort 30443 is taken by Service default/squatter"),
    ],
)  # fmt: skip
def test_each_difference_of_a_service_is_named(objects: list[dict[str, Any]], words: str) -> None:
    assert words in said(found("workload.nginx.service", MadeApi(*objects), nginx()))


def test_a_node_port_that_no_api_server_gives_is_said_to_be_one() -> None:
    spec = nginx(ports=[ServicePort(name="http", port=80, node_port=8080)])
    text = said(found("workload.nginx.service", MadeApi(*services(), endpoints(1)), spec))
    assert "outside of 30000-32767" in text


@pytest.mark.parametrize(
    ("answers", "behind", "words"),
    [
        ("10.0.4.8 30004 HTTP/1.1 200 OK\n10.0.4.8 30443 refused\n", 1, "refused: nothing listens on 443 in the pod"),
        ("10.0.4.8 30004 refused\n10.0.4.8 30443 refused\n", 0, "refused: the Service has no ready pod"),
        ("10.0.4.8 30004 timeout\n10.0.4.8 30443 open\n", 1, "a firewall between them"),
        ("10.0.4.8 30004 HTTP/1.1 502 Bad Gateway\n10.0.4.8 30443 open\n", 1, "found     502"),
        ("10.9.9.9 30004 HTTP/1.1 200 OK\n", 1, "not tried"),
    ],
)
def test_what_came_of_a_connection_is_said_as_it_is(answers: str, behind: int, words: str) -> None:
    hosts = {"h1": SELF | {"network.nodeport": answers}}
    assert words in said(found("workload.nginx.nodeport", MadeApi(NODE, endpoints(behind)), nginx(), hosts))


def test_nodes_that_answer_on_all_ports_are_right() -> None:
    hosts = {"h1": SELF | {"network.nodeport": "10.0.4.8 30004 HTTP/1.1 200 OK\n10.0.4.8 30443 open\n"}}
    assert not found("workload.nginx.nodeport", MadeApi(NODE, endpoints(1)), nginx(), hosts)


@pytest.mark.parametrize(
    ("reply", "expected"),
    [(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", ""), (b"HTTP/1.1 404 No\r\n\r\n", "404"), (b"", "failed"),
     (b"\x00" * 9 + b"\n", "failed"), (None, "refused: nothing listens on 80 in the pod")],
)  # fmt: skip
def test_this_machine_connects_too_where_the_profile_says_so(reply: bytes | None, expected: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        if reply is None:
            server.close()
        else:
            threading.Thread(target=lambda: _serve(server, reply), daemon=True).start()
        node = copy.deepcopy(NODE)
        node["status"]["addresses"][0]["address"] = "127.0.0.1"  # type: ignore[index]
        spec = nginx(from_runner=True, ports=[ServicePort(name="http", port=80, node_port=port)])
        text = said(found("workload.nginx.nodeport", MadeApi(node, endpoints(1)), spec))
    assert expected in text and bool(expected) is bool(text)


def _serve(server: socket.socket, reply: bytes) -> None:
    connection, _ = server.accept()
    with connection:
        connection.recv(1000)
        connection.sendall(reply)
