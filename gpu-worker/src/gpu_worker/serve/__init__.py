"""Serving: `serve_replica` runs one version behind Open Inference V2."""

from gpu_worker.serve.replica import serve_replica

__all__ = ["serve_replica"]
