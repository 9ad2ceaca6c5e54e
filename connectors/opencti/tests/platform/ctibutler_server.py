"""A real ctibutler server with real releases: the command of this repository, installing from the folder of releases.

The command is `.venv/bin/ctibutler` of the repository, or what CTIBUTLER_TEST_SERVER says.
"""

import fcntl
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

from tests.platform import kb

COMMAND = Path(
    os.environ.get("CTIBUTLER_TEST_SERVER")
    or kb.REPOSITORY / ".venv" / "bin" / "ctibutler"
)

RELEASES = {
    "attack-mobile": ("17.1", "18.1"),
    "attack-ics": ("17.1", "18.0", "18.1"),
    "capec": ("3.8", "3.9"),
    "cwe": ("4.14",),
    "disarm": ("1.5", "1.6"),
    "atlas": ("4.9.0", "5.6.0"),
    "mitre-f3": ("1.0", "1.1"),
    "location": ("1.0",),
    "sector": ("1.0",),
    "d3fend": ("1.1.0", "1.2.0"),
}
"""What the server holds, earliest first; Enterprise ATT&CK is installed where a test asks for it."""

ENTERPRISE = {"attack-enterprise": ("17.1", "18.1")}


class CtiButlerServer:
    """One server with data of its own."""

    def __init__(
        self,
        releases: dict[str, tuple[str, ...]] = RELEASES,
        bucket: Path = kb.FOLDER,
        catalogue: Path | None = None,
    ) -> None:
        """Install releases from a bucket, in an empty catalogue or in a copy of another one."""
        self._folder = Path(tempfile.mkdtemp(prefix="ctibutler-connector-"))
        self._log = self._folder / "log"
        if catalogue:
            shutil.copytree(catalogue, self._folder / "data")
        self._environment = environment(self._folder / "data", bucket)
        self._process: subprocess.Popen[bytes] | None = None
        try:
            if releases:
                self.install(releases)
            self.url = self._serve()
        except BaseException:
            self.stop()
            raise

    def install(self, releases: dict[str, tuple[str, ...]]) -> None:
        """Install releases that are not there yet, and make the links between them."""
        run(self._environment, "install", *names(releases))

    def stop(self) -> None:
        if self._process:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(15)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _serve(self) -> str:
        port = _free_port()
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [str(COMMAND), "serve", "--host", "127.0.0.1", "--port", str(port)],
                env=self._environment,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        url = f"http://127.0.0.1:{port}/"
        deadline = time.monotonic() + 90
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                with urllib.request.urlopen(f"{url}api/healthcheck/", timeout=5):
                    return url
            except (OSError, urllib.error.URLError):
                time.sleep(0.2)
        raise RuntimeError(
            f"ctibutler does not answer: {self._log.read_text()[-2000:]}"
        )


def environment(data: Path, bucket: Path) -> dict[str, str]:
    """The environment of a command of ctibutler."""
    others = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("CTIBUTLER_")
    }
    return {**others, "CTIBUTLER_DATA_DIR": str(data), "CTIBUTLER_BUCKET": str(bucket)}


def names(releases: dict[str, tuple[str, ...]]) -> list[str]:
    """Releases as the command line names them."""
    return [
        f"{slug}@{version}"
        for slug, versions in releases.items()
        for version in versions
    ]


def run(environment: dict[str, str], *words: str) -> None:
    """Run a command of ctibutler to its end."""
    done = subprocess.run(
        [str(COMMAND), *words],
        env=environment,
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(
            f"ctibutler {' '.join(words)}: {done.stdout[-2000:]}{done.stderr[-2000:]}"
        )


def installed_once(folder: Path) -> Path:
    """A catalogue with all releases, which the processes of one test run share: the first one installs them."""
    data = folder / "ctibutler"
    with (folder / "ctibutler.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not data.exists():
            partial = folder / "ctibutler.partial"
            run(environment(partial, kb.FOLDER), "install", *names(RELEASES))
            partial.rename(data)
    return data


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as one:
        return int(one.getsockname()[1])
