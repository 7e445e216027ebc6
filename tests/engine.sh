#!/bin/bash
# Makes sure that a Docker engine answers: installs Debian's where none is installed, starts dockerd where none runs.
#   engine.sh           does nothing where an engine answers already; only installing and starting need root
#   engine.sh --stop    ends the dockerd that an earlier engine.sh started, and no other
# Environment: DOCKER_HOST=unix://PATH for another socket; JOBAPP_TEST_ENGINE_DIR for the folder of dockerd.log and dockerd.pid;
# JOBAPP_TEST_DOCKERD_ARGS for further options of dockerd.
set -euo pipefail
dir=${JOBAPP_TEST_ENGINE_DIR:-/run/jobapp-test-engine}
host=${DOCKER_HOST:-unix:///var/run/docker.sock}
die() { echo "engine.sh: $*" >&2; exit 1; }
answers() { command -v docker >/dev/null && timeout 10 docker -H "$host" version --format '{{.Server.Version}}' >/dev/null 2>&1; }
# A process by its number and start time: a number alone may have gone to another process since.
mark() { [ -r "/proc/$1/stat" ] && echo "$1 $(sed 's/.*) //' "/proc/$1/stat" | cut -d" " -f20)"; }
ours() { [ -s "$dir/dockerd.pid" ] && [ "$(mark "$(cut -d' ' -f1 "$dir/dockerd.pid")")" = "$(cat "$dir/dockerd.pid")" ]; }

case ${1:-} in
  '') ;;
  --stop)
    ours || { echo 'engine.sh: no dockerd of ours runs'; exit 0; }
    pid=$(cut -d' ' -f1 "$dir/dockerd.pid")
    kill "$pid"
    for _ in $(seq 60); do ours || { rm -f "$dir/dockerd.pid"; echo 'engine.sh: stopped'; exit 0; }; sleep 0.5; done
    die "dockerd ($pid) still runs 30 s after SIGTERM; its log: $dir/dockerd.log" ;;
  *) die "usage: engine.sh [--stop]" ;;
esac

if answers; then echo "engine.sh: an engine answers at $host" >&2; exit 0; fi
case $host in unix://*) ;; *) die "no engine answers at $host" ;; esac
[ "$(id -u)" = 0 ] || die 'no engine answers, and starting one needs root'
mkdir -p "$dir"; exec 9>"$dir/lock"; flock 9                  # of two at once, one starts it
if answers; then exit 0; fi

if ! { command -v dockerd && command -v docker; } >/dev/null; then
  command -v apt-get >/dev/null || die 'no dockerd here, and no apt-get to install it with'
  echo 'engine.sh: installing docker.io' >&2
  {
    apt-get update -qq
    packages=(docker.io)
    # Newer releases have the client in a package of its own.
    ! apt-cache show docker-cli >/dev/null 2>&1 || packages+=(docker-cli)
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${packages[@]}"
  } >"$dir/apt.log" 2>&1 || die "could not install docker.io: $(tail -3 "$dir/apt.log")"
fi
echo "engine.sh: starting dockerd at $host" >&2
if [ -d /run/systemd/system ] && [ -z "${DOCKER_HOST:-}" ]; then
  systemctl start docker                                      # the system's own, so not ours to stop
elif ! grep -qsx dockerd /proc/[0-9]*/comm; then              # never a second one: the two would fight over the bridge and iptables
  # shellcheck disable=SC2086
  setsid dockerd -H "$host" ${JOBAPP_TEST_DOCKERD_ARGS:-} >"$dir/dockerd.log" 2>&1 </dev/null 9>&- &
  mark $! >"$dir/dockerd.pid" || true
fi
for _ in $(seq 120); do
  if answers; then exit 0; fi
  if [ -s "$dir/dockerd.pid" ] && ! ours; then rm -f "$dir/dockerd.pid"; die "dockerd ended: $(tail -3 "$dir/dockerd.log")"; fi
  sleep 0.5
done
die "no engine at $host after 60 s; log, where this script started it: $dir/dockerd.log"
