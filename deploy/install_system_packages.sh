#!/usr/bin/env bash
# Installs the programs that the tests use for real: nothing that matters is skipped for want of a peer.
# Does nothing where all of them are there already.
set -euo pipefail

# program → Debian package
declare -A packages=(
  [java]=openjdk-17-jre-headless
  [javac]=openjdk-17-jdk-headless
  [mvn]=maven
  [redis-server]=redis-server
  [chromium]=chromium
  [go]=golang-go
  [promtool]=prometheus
)

missing=()
for program in "${!packages[@]}"; do
  command -v "$program" >/dev/null || missing+=("${packages[$program]}")
done
[ "${#missing[@]}" -eq 0 ] && exit 0

if ! command -v apt-get >/dev/null || [ "$(id -u)" -ne 0 ]; then
  echo "Please install: ${missing[*]}" >&2
  echo "(on Debian or Ubuntu: sudo make system)" >&2
  exit 1
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
# Debian starts a Redis and a Prometheus of its own on their default ports. The tests and `tetik up` bring their
# Redis; of Prometheus they use `promtool` alone.
for started in redis-server prometheus; do
  if [[ " ${missing[*]} " == *" $started "* ]] && command -v service >/dev/null; then
    service "$started" stop >/dev/null 2>&1 || true
  fi
done
