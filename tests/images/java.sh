#!/bin/bash
# Prints the folder of the `mvn` and of the JDK, of 17 or later, that build the stand-in of Maven artifacts. Where one is missing, Debian's
# is installed: as root.
set -euo pipefail
say() { echo "java.sh: $*" >&2; }
version() { "$1/javac" -version 2>/dev/null | sed -E 's/javac ([0-9]+).*/\1/'; }
is_good() { [ -x "$1/javac" ] && [ -x "$1/jlink" ] && [ "$(version "$1")" -ge 17 ] && [ -d "$1/../jmods" ]; }

folders() {
    if [ -n "${JAVA_HOME:-}" ]; then echo "$JAVA_HOME/bin"; fi
    if command -v javac >/dev/null; then dirname "$(readlink -f "$(command -v javac)")"; fi
    printf '%s\n' /usr/lib/jvm/*/bin
}
find_jdk() { local folder; while read -r folder; do if is_good "$folder"; then echo "$folder"; return; fi; done < <(folders || true); return 1; }
find_all() { local jdk; jdk=$(find_jdk) && command -v mvn >/dev/null && echo "$jdk:$(dirname "$(command -v mvn)")"; }

if find_all; then exit 0; fi
[ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || { say 'needs mvn and a JDK of 17 or later'; exit 1; }

missing=()
command -v mvn >/dev/null || missing+=(maven)
find_jdk >/dev/null || missing+=(default-jdk-headless)
say "installing ${missing[*]}"
apt-get update -qq
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >&2
find_all || { say "${missing[*]} did not bring mvn and a JDK of 17 or later"; exit 1; }
