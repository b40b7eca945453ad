"""Where things are, and writing files so that a half-written one is never seen."""

import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
WORKLOADS = Path(__file__).resolve().parent / "workloads"


def reference_data() -> Path:
    """Folder of the published measurements (``DOSA_HIL_DATA`` or ``../shared/data``); it may be absent."""
    return Path(os.environ.get("DOSA_HIL_DATA", ROOT.parent / "shared" / "data"))


def reference_file(name: str) -> Path:
    """A file of the published measurements. Raises ValueError that says where it comes from when it is absent."""
    path = reference_data() / name
    if not path.is_file():
        raise ValueError(
            f"{path}: no such file; it holds measurements published with DOSA (MICRO 2023), which are not part of this "
            "project: put its tables into one folder and name that folder by DOSA_HIL_DATA"
        )
    return path


def write_atomically(path: Path, write: Callable[[Path], None]) -> None:
    """Call ``write`` with a temporary path in the same folder, then move the result to ``path``."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # The temporary name keeps the ending, because pandas picks the format and the compression by it.
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".part-", suffix="-" + path.name)
    os.close(handle)
    temporary = Path(name)
    try:
        write(temporary)
        temporary.chmod(0o666 & ~_umask())
        with temporary.open("rb") as stream:
            os.fsync(stream.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write ``text`` to ``path`` atomically."""
    write_atomically(path, lambda temporary: _discard(temporary.write_text(text, encoding="utf-8")))


def write_json(path: Path, value: object) -> None:
    """Write ``value`` as indented JSON to ``path`` atomically."""
    write_text(path, json.dumps(value, indent=2, sort_keys=False, allow_nan=False) + "\n")


def check_out(out: Path, *inputs: Path) -> None:
    """Raise ValueError when the file ``out`` is one of ``inputs`` or could not be written."""
    for path in inputs:
        if path.resolve() == out.resolve() or (path.exists() and out.exists() and path.samefile(out)):
            raise ValueError(f"{out}: is the input {path}, which would be overwritten; name another file")
    if out.is_dir():
        raise ValueError(f"{out}: is a folder, a file is to be written there")
    check_out_folder(out.parent)


def check_out_folder(folder: Path) -> None:
    """Raise ValueError when nothing could be written to ``folder``, which need not exist yet."""
    nearest = next(path for path in (folder, *folder.resolve().parents) if path.exists())
    try:
        with tempfile.TemporaryFile(dir=nearest):
            pass
    except OSError as error:
        raise ValueError(f"{folder}: cannot be written to ({nearest}: {error.strerror})") from error


def check_inside(path: Path, folder: Path, name: str = "") -> None:
    """Raise ValueError when ``path``, called ``name`` there, is a link that leads out of ``folder``."""
    if not path.resolve().is_relative_to(folder.resolve()):
        raise ValueError(f"{name or path.name} is a link out of {folder.name}/")


def digest(*parts: object) -> str:
    """Twelve hexadecimal characters that name the content of ``parts`` (JSON values)."""
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def digest_files(paths: Iterable[Path]) -> str:
    """Twelve hexadecimal characters that name the content of files, whatever folder they lie in."""
    return digest(sorted((path.name, hashlib.sha256(path.read_bytes()).hexdigest()) for path in paths))


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _discard(_: object) -> None:
    return None
