"""The benchmarks: ``python -m bench [B1 B2 …] [--quick]``. Each is a ratio measured in one run."""
