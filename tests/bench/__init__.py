"""The benchmarks: `make bench` measures the budgets on both databases and writes docs/benchmarks.md."""
