"""Apache Kafka's own jars, fetched once by Maven into a cache that all runs share.

A directory is complete when its marker, written last, names the digest of the pom it was fetched for; a lock
file keeps two runs from filling it at once. An interrupted fetch is simply done again.
"""

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from services.platform import leash
from services.platform.errors import BrokerUnavailable

KAFKA_VERSION = "4.3.0"
JAVA_MAJOR_MIN = 17
POM = Path(__file__).resolve().parents[2] / "deploy" / "kafka" / "pom.xml"
MARKER = "complete"
JAVA_TIMEOUT_S = 20
FETCH_TIMEOUT_S = 900
QUOTED_LINES = 3


@dataclass(frozen=True, slots=True)
class JavaTools:
    """What this machine offers. `java` is None unless it is new enough; `problem` says why."""

    java: str | None
    maven: str | None
    problem: str = ""


def cache_directory(environment: Mapping[str, str]) -> Path:
    """`TETIK_CACHE`, else the user's cache directory (XDG) with our name; Kafka's version in it."""
    if own := environment.get("TETIK_CACHE"):
        return Path(own) / f"kafka-{KAFKA_VERSION}"
    base = environment.get("XDG_CACHE_HOME") or str(
        Path(environment.get("HOME", str(Path.home()))) / ".cache"
    )
    return Path(base) / "tetik" / f"kafka-{KAFKA_VERSION}"


def java_major(version_output: str) -> int | None:
    """The major version in what `java -version` prints: 17 for `version "17.0.15"`, 8 for `"1.8.0"`."""
    match = re.search(r'version "(\d+)(?:\.(\d+))?', version_output)
    if match is None:
        return None
    major = int(match[1])
    return int(match[2] or 0) if major == 1 else major


def find_java_tools(environment: Mapping[str, str]) -> JavaTools:
    """Looks at JAVA_HOME, then at the PATH."""
    path = environment.get("PATH")
    home = environment.get("JAVA_HOME")
    java = shutil.which(str(Path(home) / "bin" / "java")) if home else None
    java = java or shutil.which("java", path=path)
    maven = shutil.which("mvn", path=path)
    if java is None:
        return JavaTools(None, maven, "Java is not installed")
    try:
        shown = subprocess.run(
            [java, "-version"], capture_output=True, text=True, timeout=JAVA_TIMEOUT_S, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return JavaTools(None, maven, f"{java} does not run")
    major = java_major(shown.stderr + shown.stdout)
    if major is None or major < JAVA_MAJOR_MIN:
        return JavaTools(
            None, maven, f"{java} is Java {major or 'of unknown version'}, not {JAVA_MAJOR_MIN} or newer"
        )
    return JavaTools(java, maven, "" if maven else "Maven (mvn) is not installed")


def jars_cached(cache: Path) -> bool:
    """Are they all there, for the pom of this checkout?"""
    marker = cache / MARKER
    return marker.is_file() and marker.read_text() == _pom_digest()


def fetch_jars(cache: Path, maven: str | None, tell: Callable[[str], None]) -> Path:
    """The directory of the jars, fetched first if need be. Blocks, also while another run fetches them.

    Raises BrokerUnavailable when Maven is missing or fails."""
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not jars_cached(cache):
            if maven is None:
                raise BrokerUnavailable(
                    "Maven (mvn) is not installed: install it, or choose --broker memory."
                )
            tell(f"fetching Apache Kafka {KAFKA_VERSION} (43 MB, once) into {cache}")
            _copy_dependencies(maven, cache / "lib")
            (cache / MARKER).write_text(_pom_digest())
    return cache / "lib"


def _copy_dependencies(maven: str, target: Path) -> None:
    shutil.rmtree(target, ignore_errors=True)
    goal = ["dependency:copy-dependencies", f"-DoutputDirectory={target}"]
    # On the leash, so that a killed fetch does not leave Maven behind.
    leashed = [sys.executable, "-I", "-S", leash.__file__, str(os.getpid()), maven]
    command = [*leashed, "-q", "-B", "-f", str(POM), *goal]
    # Maven's wrapper script starts java; jansi prints colour resets unless the terminal is dumb.
    environment = {**os.environ, "TERM": "dumb"}
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=FETCH_TIMEOUT_S, env=environment, check=False
        )
    except subprocess.TimeoutExpired:
        raise BrokerUnavailable(
            f"Maven did not fetch Kafka within {FETCH_TIMEOUT_S} s: check the network."
        ) from None
    if done.returncode != 0:
        lines = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()][:QUOTED_LINES]
        quoted = " / ".join(lines)
        raise BrokerUnavailable(
            f"Maven could not fetch Apache Kafka {KAFKA_VERSION}: {quoted}. "
            "Check the network and run again, or choose --broker memory."
        )


def main() -> int:
    """`python -m services.platform.kafka_artifacts DIRECTORY`: a process, so that it can be stopped."""
    try:
        fetch_jars(Path(sys.argv[1]), shutil.which("mvn"), lambda line: print(line, flush=True))
    except BrokerUnavailable as error:
        print(error, flush=True)
        return 1
    return 0


def _pom_digest() -> str:
    return hashlib.sha256(POM.read_bytes()).hexdigest()


if __name__ == "__main__":
    sys.exit(main())
