#!/usr/bin/env bash
# Builds the C++ floor into build/. Does nothing where the build is newer than the source.
set -euo pipefail
cd "$(dirname "$0")"

if [ -x build/thin ] && [ -z "$(find build.sh thin.cpp -newer build/thin -print -quit)" ]; then
  exit 0
fi
command -v g++ >/dev/null || { echo "g++ is missing: apt-get install g++" >&2; exit 1; }
for header in librdkafka/rdkafka.h simdjson.h; do
  echo "#include <$header>" | g++ -std=c++20 -fsyntax-only -x c++ - 2>/dev/null ||
    { echo "$header is missing: apt-get install librdkafka-dev libsimdjson-dev" >&2; exit 1; }
done
mkdir -p build
g++ -std=c++20 -O3 -march=native -Wall -Wextra -o build/thin thin.cpp -lrdkafka -lsimdjson
