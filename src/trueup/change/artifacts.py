"""The verb for released binaries: fetched or sent, verified by checksum, renamed into place."""

from __future__ import annotations

from pathlib import Path

from trueup.change.verbs import Verbs
from trueup.errors import ChangeFailed
from trueup.model.catalog import Disruption
from trueup.model.fact import Fact
from trueup.profiles.keys.section import Artifact
from trueup.results.action import Action
from trueup.shell import scripts

_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
ARCHITECTURE = Fact("architecture", "uname -m", lambda text: _ARCHITECTURES.get(text.strip(), text.strip()))


def local(directory: str, url: str) -> Path:
    """Return the controller's copy of the file at a URL.

    Raises:
        ChangeFailed: the directory has no such file.
    """
    file = Path(directory, url.rpartition("/")[2])
    if not file.is_file():
        raise ChangeFailed(
            f"{file}: no such file on this machine, where the profile's artifacts are; nothing was changed"
        )
    return file


class Artifacts(Verbs):
    """Installs programs without a package manager."""

    def artifact(
        self, name: str, wanted: Artifact, *, source: str = "", now: str = "", disruption: Disruption = "restart"
    ) -> None:
        """Install the programs of an archive, or a single program, in the artifact's directory.

        Args:
            name: the name of a single program; in reports, the name of the artifact.
            source: directory on the controller that has the file; if empty, the host fetches the URL.
            now: the installed version, for the diff.

        Raises:
            ChangeFailed: no checksum for this architecture, a wrong one, or an empty archive; nothing was changed.
        """
        architecture = self.ask(ARCHITECTURE)
        sums = {str(known): value for known, value in wanted.sha256.items()}
        if (checksum := sums.get(architecture)) is None:
            raise ChangeFailed(f"the profile has no checksum of {name} {wanted.version} for {architecture}")
        url = wanted.url.replace("{version}", wanted.version).replace("{arch}", architecture)
        arrived = self.incoming(checksum)
        file = local(source, url) if source else None
        if file and self.apply:
            self.send(file, checksum)
        kept = self.backup_path(wanted.directory)
        body = scripts.unpack(
            arrived, "" if file else url, checksum, directory=wanted.directory, name=name, kept=kept, file=url
        )
        diff = f"-{name} {now or '(not there)'}\n+{name} {wanted.version} in {wanted.directory}\n"
        action = Action(
            "artifact", name, f"install {name} {wanted.version}", diff, scripts.pack_back(wanted.directory, kept),
            intact=scripts.packed(wanted.directory, kept), before={"directory": wanted.directory, "programs": kept},
        )  # fmt: skip
        self.act(action, body, disruption)
