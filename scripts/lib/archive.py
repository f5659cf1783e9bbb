"""Archives that depend on nothing but their content: archive.py FILE.tar.gz TOP PATH...

The content of the first PATH goes into TOP itself, the others beneath it under their names. --checksums prints those of
the files in this directory, as sha256sum does.
"""

import gzip
import hashlib
import os
import sys
import tarfile
from pathlib import Path


def entries(paths):
    """Yields (name in the archive, path) in the order of the names."""
    first, *others = [Path(path) for path in paths]
    found = [(path.relative_to(first), path) for path in first.rglob("*")]
    for other in others:
        found.append((other, other))
        found += [(path, path) for path in other.rglob("*")]
    return sorted(found)


def write(target, top, paths):
    """Writes the archive, with one time, owner and mode for everything."""
    with open(target, "wb") as file, gzip.GzipFile("", "wb", 9, file, 0) as packed:
        with tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as archive:
            for name, path in entries(paths):
                info = archive.gettarinfo(path, f"{top}/{name}")
                info.mtime = int(os.environ["SOURCE_DATE_EPOCH"])
                info.uid = info.gid = 0
                info.uname = info.gname = "root"
                info.mode = 0o755 if info.isdir() or os.access(path, os.X_OK) else 0o644
                with path.open("rb") if info.isfile() else open(os.devnull, "rb") as content:
                    archive.addfile(info, content if info.isfile() else None)


def checksums():
    """Prints a line for each file here."""
    for path in sorted(Path().iterdir()):
        if path.is_file() and path.name != "SHA256SUMS":
            print(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}")


if __name__ == "__main__":
    if sys.argv[1:] == ["--checksums"]:
        checksums()
    else:
        write(sys.argv[1], sys.argv[2], sys.argv[3:])
