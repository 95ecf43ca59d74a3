"""`python -m gpu_worker.agent [--local | --agent-only | --attach HOST:PORT]`

--local (default): starts the local cluster of this home when none runs, and stops it at the end.
--agent-only: only the agent, on the local cluster that `python -m gpu_worker.agent.local` runs. --attach: on
a Ray cluster elsewhere.
"""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
import threading
import time

from gpu_worker.agent import local
from gpu_worker.agent.console import ConsoleError, enrol
from gpu_worker.agent.operators import show
from gpu_worker.agent.settings import Settings
from gpu_worker.agent.vitals import Vitals

log = logging.getLogger("gpu_worker.agent")


def main() -> int:
    """The agent's process: 0 after SIGTERM or SIGINT, 1 with a sentence that says why not."""
    logging.basicConfig(level=os.environ.get("LATHE_LOG_LEVEL", "info").upper(), format="%(message)s")
    arguments = parse(sys.argv[1:])
    settings = Settings.from_environment()
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, frame: stop.set())
    own_cluster = False
    vitals = Vitals()
    show(settings, vitals)
    try:
        if arguments.attach is None:
            if not arguments.agent_only and not local.is_up(settings):
                own_cluster = True
                local.start(settings)
            wait_for_cluster(settings, stop)
            threading.Thread(target=end_with_head, args=(settings, stop), daemon=True).start()
        token = wait_for_token(settings, stop)
        if token is not None:
            run(settings, arguments.attach, token, stop, vitals)
    except (RuntimeError, OSError) as error:
        log.error("%s", error)
        return 1
    finally:
        if own_cluster:
            local.stop(settings)
    return 0


def parse(arguments: list[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m gpu_worker.agent")
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--local", action="store_true", help="start the local cluster too (default)")
    where.add_argument("--agent-only", action="store_true", help="use the local cluster that runs already")
    where.add_argument("--attach", metavar="HOST:PORT", help="use the Ray cluster at this address")
    return parser.parse_args(arguments)


def wait_for_cluster(settings: Settings, stop: threading.Event) -> None:
    """Returns when the local cluster takes jobs, or when `stop` is set."""
    told = False
    while not stop.is_set() and not local.is_up(settings):
        if not told:
            log.info("waiting for the local cluster at %s", settings.gcs_address)
            told = True
        stop.wait(0.2)


def end_with_head(settings: Settings, stop: threading.Event) -> None:
    """Ends this process when the local cluster's head has ended: whoever keeps it running starts both anew.
    Calls into Ray would wait for the head for a minute, so there is no orderly way.
    """
    local.wait_for_end_of_head(settings, stop)
    if not stop.is_set():
        log.error("The Ray head ended; see %s.", settings.home / "logs/ray-head.log")
        os._exit(1)


def wait_for_token(settings: Settings, stop: threading.Event) -> str | None:
    """Enrols, however long the console takes to come; None when `stop` is set first."""
    said = ""
    while not stop.is_set():
        try:
            return enrol(settings)
        except (ConsoleError, FileNotFoundError) as error:
            if str(error) != said:
                said = str(error)
                log.warning("%s", said)
            stop.wait(1)
    return None


def run(settings: Settings, attach: str | None, token: str, stop: threading.Event, vitals: Vitals) -> None:
    """The agent itself. Ray is imported here: its import reads the environment once and for all."""
    os.environ.update(local.ray_environment(settings) if attach is None else {})
    if attach is None:
        # Python reads PYTHONPATH when it starts; this process is already running.
        from gpu_worker.agent.loopback import sitecustomize

        del sitecustomize
    from gpu_worker.agent.connect import connect

    began = time.monotonic()
    agent = connect(settings, attach, token, stop, vitals)
    if agent is not None:
        log.info("agent ready in %.1f s", time.monotonic() - began)
        agent.run(stop)


if __name__ == "__main__":
    sys.exit(main())
