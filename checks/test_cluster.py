"""Section 9 of the catalogue: requirements across hosts."""

from trueup import Deviation, FleetFacts, Spec, expect, requirement
from trueup.checks.claims.pods import MEMBERS
from trueup.checks.claims.uniform import names, odd
from trueup.facts.across import fingerprint, reachability
from trueup.facts.kube.network import ADDRESSES
from trueup.facts.runtime.containerd import DUMP
from trueup.model.fact import CLOCK


@requirement("cluster.time.skew", key="host.time.skew", reads=(CLOCK,), across=True, roles=())
def test_time_skew(facts: FleetFacts, spec: Spec) -> None:
    """No two clocks differ by more than the profile allows.

    Node leases, certificates and etcd compare times of different hosts: a lease lasts 40 s, and etcd warns of a
    difference above 1 s.
    """
    found, limit = facts.each(CLOCK), spec.host.time.skew
    if len(found) < 2:
        return
    # A clock's lead over the controller's is known as a range: only a skew that holds for all values of both counts.
    ahead = max(found, key=lambda host: found[host][0])
    behind = min(found, key=lambda host: found[host][1])
    skew = found[ahead][0] - found[behind][1]
    if skew > limit:
        words = f"at least {skew:.1f} s: {ahead} is ahead of {behind}"
        expect(Deviation(f"at most {limit:g} s", words, "difference of two clocks", "effective"))
    for host, (least, most) in found.items():
        if most - least > limit:
            words = f"its clock is known only to ±{(most - least) / 2:.1f} s, because the login was slow; run again"
            facts.silent[host] = words


_FIXED_BY = {  # program to the requirement whose remedy installs the profile's version of it
    "containerd": "runtime.containerd.version",
    "runc": "runtime.runc.version",
    "kubeadm": "kube.packages.version",
    "kubelet": "kube.packages.version",
    "kubectl": "kube.packages.version",
    "haproxy": "lb.packages",
    "keepalived": "lb.packages",
}


@requirement(
    "cluster.versions.uniform",
    key="cluster.versions",
    reads=(fingerprint.VERSIONS,),
    needs=tuple(dict.fromkeys(_FIXED_BY.values())),
    severity="medium",
    across=True,
    roles=(),
)
def test_versions(facts: FleetFacts, spec: Spec) -> None:
    """Hosts of a role have the same versions of the same programs.

    With mixed versions a fault shows on some hosts of a role only, and a pod behaves differently where it is
    rescheduled.
    """
    found = facts.each(fingerprint.VERSIONS)

    def hint(program: str, odd: list[str], usual: list[str]) -> str:
        fix = f"{_FIXED_BY[program]} fixes it where the profile names one version" if program in _FIXED_BY else ""
        systems = {found[host].system for host in odd} - {found[host].system for host in usual}
        under = f"they run on {names(sorted(systems))}" if usual and systems else ""
        return "; ".join(filter(None, [under, fix]))

    programs = {host: each.programs for host, each in found.items()}
    expect(*odd(facts.by_role(), programs, hint=hint))


@requirement(
    "cluster.config.uniform",
    key="cluster.config",
    reads=(fingerprint.VERSIONS, fingerprint.SYSCTL, DUMP),
    needs=(
        "host.sysctl.ip_forward",
        "host.sysctl.bridge_nf_call_iptables",
        "host.sysctl.bridge_nf_call_ip6tables",
        "runtime.containerd.config",
        "runtime.containerd.sandbox_image",
        "runtime.containerd.systemd_cgroup",
        "runtime.containerd.registry_mirrors",
        "runtime.cni.plugins",  # its remedy sets bin_dir in containerd's configuration
        "kube.init",  # kubelet on a member sets some of the parameters, for example kernel.panic
        "kube.join",
    ),
    severity="medium",
    across=True,
    roles=(),
)
def test_config(facts: FleetFacts, spec: Spec) -> None:
    """Hosts of a role have the same kernel parameters and the same containerd configuration.

    One host that differs treats the same workload differently, and each host by itself looks right. Configurations are
    compared among hosts with the same containerd version, since defaults differ by version.
    """
    parameters = facts.each(fingerprint.SYSCTL)
    versions, dumps = facts.each(fingerprint.VERSIONS), facts.each(DUMP)
    groups: dict[str, list[str]] = {}
    for role, hosts in facts.by_role().items():
        for host in hosts:
            if host in versions and (version := versions[host].programs.get("containerd")):
                groups.setdefault(f"{role} with containerd {version}", []).append(host)
    config = spec.cluster.config
    settings = {h: fingerprint.settings(dump, config.ignore) for h, dump in dumps.items() if dump and config.containerd}
    expect(*odd(facts.by_role(), parameters, absent="not set"), *odd(groups, settings, absent="not set"))


@requirement(
    "cluster.reachability",
    key="cluster.reachability",
    reads=(ADDRESSES, reachability.LISTENING, reachability.REACHED),
    across=True,
    active=True,
    roles=MEMBERS,
)
def test_reachability(facts: FleetFacts, spec: Spec) -> None:
    """Hosts of a cluster reach each other on the ports that their roles need: API server, kubelet, etcd and BGP.

    A firewall between two nodes breaks joins, `kubectl logs`, etcd's quorum or pod routes on some paths only
    (Kubernetes docs, Ports and Protocols; Calico docs, System requirements: TCP 179).
    """
    listening = facts.each(reachability.LISTENING)
    sources: dict[reachability.Reached, list[str]] = {}
    for host, attempts in facts.each(reachability.REACHED).items():
        for each in attempts:
            if each.said != "open":
                sources.setdefault(each, []).append(host)
    claims = []
    for each, hosts in sources.items():
        listens = each.port in listening.get(each.host, ())
        if each.said == "refused" and not listens:
            continue  # the host answered; other requirements report that nothing listens there
        what = reachability.SPEAKS.get(each.port, "API server")
        hint = "the port has a listener" if listens else "a port without a listener would refuse at once"
        where = f"{each.address}:{each.port}, {what} of {each.host}, from {names(hosts)}"
        claims.append(Deviation("a connection", each.said, where, "effective", f"probably a firewall: {hint}"))
    expect(*claims)
