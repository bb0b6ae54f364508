#!/usr/bin/env bash
# Builds the JVM contenders into target/: the classes, and a class path file each for Kafka Streams and Flink, which
# bring two versions of RocksDB's classes. Does nothing where the build is newer than the sources.
set -euo pipefail
cd "$(dirname "$0")"

if [ -f target/flink.classpath ] && [ -z "$(find pom.xml build.sh src -newer target/flink.classpath -print -quit)" ]; then
  exit 0
fi
for program in mvn javac; do
  command -v "$program" >/dev/null || { echo "$program is missing: apt-get install maven openjdk-17-jdk-headless" >&2; exit 1; }
done
mvn -q -B -Dstyle.color=never compile dependency:build-classpath -Dmdep.outputFile=target/all.classpath
jars=$(tr ':' '\n' <target/all.classpath)
join() { paste -sd: -; }
{ echo "$PWD/target/classes"; grep -vE '/(flink-[^/]*|frocksdbjni[^/]*)\.jar$' <<<"$jars"; } | join >target/streams.classpath
{ echo "$PWD/target/classes"; grep -vE '/(kafka-streams|rocksdbjni)-[^/]*\.jar$' <<<"$jars"; } | join >target/flink.classpath
