#!/bin/bash
# Prints the command of a tool that works with images, and makes it where it is missing:
#   tools.sh builder     a docker that builds with BuildKit
#   tools.sh compose     a compose of version 2
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
say() { echo "tools.sh: $*" >&2; }

builder() {
    local docker
    while read -r docker; do
        # Newer ones need their plugin for it; those before 23 have it in them.
        if "$docker" buildx version >/dev/null 2>&1 || [ "$("$docker" version --format '{{.Client.Version}}' 2>/dev/null | cut -d. -f1)" -lt 23 ]; then
            echo "$docker"
            return
        fi
    done < <(type -ap docker)
    say 'no docker here builds with BuildKit: install its plugin, docker-buildx'
    return 1
}

compose() {
    local version=v2.40.3 cache=${XDG_CACHE_HOME:-$HOME/.cache}/jobapp-tests
    if docker compose version >/dev/null 2>&1; then echo 'docker compose'; return; fi
    local program=$cache/docker-compose-$version
    if [ ! -x "$program" ]; then
        local started=$SECONDS work
        PATH=$(./go.sh):$PATH
        say "building compose $version of its Go module"
        mkdir -p "$cache"
        work=$(mktemp -d -p "$cache")
        # A module that has its own rules for others is built where it stands.
        (cd / && go mod download "github.com/docker/compose/v2@$version")
        cp -r "$(go env GOMODCACHE)/github.com/docker/compose/v2@$version/." "$work/"
        chmod -R u+w "$work"
        (cd "$work" && CGO_ENABLED=0 nice go build -trimpath -ldflags "-s -w" -o "$program.new" ./cmd) >&2
        mv "$program.new" "$program"
        rm -rf "$work"
        say "built compose in $((SECONDS - started)) s"
    fi
    echo "$program"
}

case ${1:-} in
    builder | compose) "$1" ;;
    *) say 'tools.sh builder|compose'; exit 2 ;;
esac
