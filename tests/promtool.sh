#!/bin/bash
# Says where promtool is, which tries alert rules. Where it is missing it is taken out of Debian's package, without starting a Prometheus.
# Environment: JOBAPP_TEST_PROMTOOL_DIR for the folder it is kept in.
set -euo pipefail
if command -v promtool; then exit 0; fi
dir=${JOBAPP_TEST_PROMTOOL_DIR:-/var/tmp/jobapp-promtool}
tool=$dir/usr/bin/promtool
mkdir -p "$dir"; exec 9>"$dir/lock"; flock 9                  # of two at once, one gets it
if [ ! -x "$tool" ]; then
  command -v apt-get >/dev/null || { echo 'promtool.sh: no promtool here, and no apt-get to get it with: install Prometheus' >&2; exit 1; }
  package=$(mktemp -d); trap 'rm -rf "$package"' EXIT
  {
    # As root with fresh lists; otherwise with those that are there.
    [ "$(id -u)" != 0 ] || apt-get update -qq
    (cd "$package" && apt-get download -qq prometheus)
    dpkg-deb -x "$package"/prometheus_*.deb "$dir"
  } >&2
fi
echo "$tool"
