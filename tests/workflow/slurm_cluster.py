"""A Slurm cluster of two nodes on this machine, for one test."""

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psutil

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "sinfo")
CONF = Path("/etc/slurm/slurm.conf")
"""Where Slurm's programs look; the variable SLURM_CONF does not reach all of them."""

START_S = 60

SETTINGS = """ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CryptoType=crypto/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool-%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd-%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd-%n.log
SlurmctldPort=26817
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SlurmdParameters=config_overrides
ReturnToService=2
MinJobAge=600
SchedulerParameters=sched_interval=2
NodeName=node1 NodeHostname={host} NodeAddr=127.0.0.1 Port=26818 CPUs={cpus} RealMemory={memory_mb}
NodeName=node2 NodeHostname={host} NodeAddr=127.0.0.1 Port=26819 CPUs={cpus} RealMemory={memory_mb}
PartitionName=all Nodes=node1,node2 Default=YES MaxTime=INFINITE State=UP
"""


def missing() -> str:
    """Why no cluster can be brought up here; empty when one can."""
    absent = [name for name in PROGRAMS if shutil.which(name, path=_path()) is None]
    if absent:
        return f"{', '.join(absent)} not found (Debian, Ubuntu: apt install slurm-wlm munge)"
    if os.geteuid() != 0:
        return "Slurm's daemons need root"
    if CONF.exists():
        return f"{CONF} exists: this machine has a Slurm of its own"
    return ""


@contextmanager
def cluster(folder: Path) -> Iterator[None]:
    """Two nodes that share this machine, gone at the end. ``folder`` holds their state."""
    folder.mkdir(parents=True)
    (folder / "state").mkdir()
    for node in ("node1", "node2"):
        (folder / f"spool-{node}").mkdir()
    key = folder / "munge.key"
    key.write_bytes(os.urandom(1024))
    key.chmod(0o600)
    settings = folder / "slurm.conf"
    host = os.uname().nodename
    memory_mb = psutil.virtual_memory().total // 2**21
    settings.write_text(SETTINGS.format(host=host, folder=folder, cpus=os.cpu_count() or 1, memory_mb=memory_mb))
    CONF.parent.mkdir(parents=True, exist_ok=True)
    if CONF.is_symlink():  # of a test that was killed; a link that leads somewhere is reported by ``missing``
        CONF.unlink()
    CONF.symlink_to(settings)
    with ExitStack() as stack:
        stack.callback(CONF.unlink)
        files = [f"--{name}-file={folder / 'munge'}.{name}" for name in ("key", "pid", "seed")]
        socket = f"--socket={folder / 'munge.socket'}"
        stack.enter_context(_daemon(folder, "munged", "--foreground", "--force", socket, *files))
        _wait((folder / "munge.socket").exists)
        stack.enter_context(_daemon(folder, "slurmctld", "-D"))
        for node in ("node1", "node2"):
            stack.enter_context(_daemon(folder, "slurmd", "-D", "-N", node))
        stack.callback(lambda: subprocess.run(["scancel", "--user=root"], check=False))
        _wait(lambda: _states() == ["node1", "idle", "node2", "idle"])
        yield


@contextmanager
def _daemon(folder: Path, name: str, *arguments: str) -> Iterator[None]:
    program = shutil.which(name, path=_path())
    assert program is not None
    with (folder / f"{name}.output").open("ab") as output:
        process = subprocess.Popen([program, *arguments], stdout=output, stderr=output)
        try:
            yield
        finally:
            process.terminate()
            process.wait(START_S)


def _wait(ready: Callable[[], bool]) -> None:
    began = time.monotonic()
    while not ready():
        assert time.monotonic() - began < START_S, "Slurm does not come up"
        time.sleep(0.5)


def _states() -> list[str]:
    """Every node, followed by its state."""
    command = ["sinfo", "--Node", "--noheader", "--format=%N %t"]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.split()


def _path() -> str:
    return f"{os.environ['PATH']}:/usr/sbin:/sbin"
