"""The compression studio's side of a session: `serve_session` measures settings as the dials turn."""

from gpu_worker.studio.session import serve_session

__all__ = ["serve_session"]
