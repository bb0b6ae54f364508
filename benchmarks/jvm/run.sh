#!/usr/bin/env bash
# Starts a JVM contender: run.sh streams|flink. Settings come by BENCH_* (docs/benchmark-jobs.md); BENCH_JAVA holds
# options of the JVM tried one at a time, instead of the ones below. All compiler threads live as long as the JVM, so that
# the runner can tell what they took.
set -euo pipefail
cd "$(dirname "$0")"

case "${1:-}" in
  streams) main=tetik.bench.StreamsContender ;;
  flink) main=tetik.bench.FlinkContender ;;
  *) echo "usage: run.sh streams|flink" >&2; exit 2 ;;
esac
read -ra options <<<"${BENCH_JAVA:--Xms1g -Xmx4g -XX:+UseParallelGC -XX:-UseDynamicNumberOfCompilerThreads} -Dorg.slf4j.simpleLogger.defaultLogLevel=warn"
exec java "${options[@]}" -cp "$(<"target/$1.classpath")" "$main"
