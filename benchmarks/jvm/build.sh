#!/usr/bin/env bash
# Builds the JVM contenders into target/: the classes, and a class path file each for Kafka Streams and Flink. Does nothing where the build is newer than the sources.
set -euo pipefail
cd "$(dirname "$0")"

if [ -f target/flink.classpath ] && [ -z "$(find pom.xml build.sh src -newer target/flink.classpath -print -quit)" ]; then
  exit 0
fi
for program in mvn javac; do
  command -v "$program" >/dev/null || { echo "$program is missing: apt-get install maven openjdk-17-jdk-headless" >&2; exit 1; }
done
maven() { mvn -q -B -Dstyle.color=never "$@"; }
maven compile
for contender in streams flink; do
  maven dependency:build-classpath "-Donly-$contender" "-Dmdep.outputFile=target/$contender.jars"
  echo "$PWD/target/classes:$(<"target/$contender.jars")" >"target/$contender.classpath"
done
