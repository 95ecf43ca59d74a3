"""What a worker has in hand of a script that runs. Imports nothing: every rank has one."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field


@dataclass
class Handle:
    """keeper: the process above all of the script's own, once there is one. show: set, they write their
    stacks and end.
    """

    keeper: int | None = None
    show: threading.Event = field(default_factory=threading.Event)
