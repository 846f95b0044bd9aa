"""Where the members of a sweep run: this machine's cores, or a cluster's queue.

`hydra/launcher=joblib` is the default of -m, `hydra/launcher=submitit_slurm` the one switch for
SLURM; what a cluster asks for beside is an option, e.g. `hydra.launcher.partition=cpu`.
"""

from hydra.core.config_store import ConfigStore
from hydra.core.plugins import Plugins
from hydra_plugins.hydra_submitit_launcher.config import SlurmQueueConf

SLURM = SlurmQueueConf(
    name="cardiotwin",
    timeout_min=60,  # min for a member; a twin takes minutes, a busy node may be slow
    signal_delay_s=60,  # s of warning before the time is up; must be below timeout_min
    max_num_timeout=3,  # a member out of time is queued again, from its last finished stage
    cpus_per_task=1,
    mem_gb=4,  # for a member
    setup=["export OMP_NUM_THREADS=1"],  # shell lines before a member starts
)


def store_launchers() -> None:
    """Put our values in the place of the plugin's own, which Hydra stores at its discovery."""
    Plugins.instance()
    ConfigStore.instance().store(group="hydra/launcher", name="submitit_slurm", node=SLURM)
