#!/usr/bin/env bash
# Starts the C++ floor. Settings come by BENCH_* (docs/benchmark-jobs.md).
exec "$(dirname "$0")/build/thin"
