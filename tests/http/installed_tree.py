"""The libraries as `make install` leaves them, for programs that a stranger writes."""
import os
import subprocess
from pathlib import Path

from house import TOP

BUILD = Path(os.environ.get("PLATESIEVE_BUILD") or TOP / "build").resolve()


def install(folder):
    subprocess.run(["make", "-C", str(BUILD), "install-libLTLIBRARIES", "install-pkgincludeHEADERS", "install-pkgconfigDATA", f"DESTDIR={folder}"],
                   check=True, capture_output=True, stdin=subprocess.DEVNULL)
    return folder


def pkg_config(folder, *options, name="libplatesieve"):
    found = next(folder.rglob(f"{name}.pc"))
    environment = {**os.environ, "PKG_CONFIG_PATH": str(found.parent), "PKG_CONFIG_SYSROOT_DIR": str(folder)}
    return subprocess.run(["pkg-config", *options, name], capture_output=True, text=True, check=True, env=environment).stdout.split()
