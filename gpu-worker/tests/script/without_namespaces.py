"""One script run in a process of its own, which tests start where namespaces are forbidden."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from gpu_worker.script import ScriptFailed
from script.stage import Stage

folder, mark = Path(sys.argv[1]), sys.argv[2]
stage = Stage(folder)
with pytest.raises(ScriptFailed) as failed:
    stage.run(
        f"""
import os, subprocess, sys
subprocess.Popen(["sleep", "{mark}"], start_new_session=True)
print("left one", flush=True)
sys.exit(5)
"""
    )
assert failed.value.exit_code == 5
assert stage.left_behind() == [], stage.left_behind()
