"""The reference experiment: a small ResNet compressed by the product's own path, on Fashion-MNIST.

`python -m gpu_worker.reference --data FOLDER` trains, compresses, measures and prints the table.
"""

from gpu_worker.reference.experiment import VARIANTS, Measured, run_seed

__all__ = ["VARIANTS", "Measured", "run_seed"]
