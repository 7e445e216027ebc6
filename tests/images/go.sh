#!/bin/bash
# Prints the folder of a `go` that builds the stand-ins of Go modules. Go 1.21 and later fetch the version that a module asks for.
# Where there is none, Debian's is installed: as root, from its backports where the release itself has an older one.
set -euo pipefail
say() { echo "go.sh: $*" >&2; }
is_good() { [ -x "$1/go" ] && [ "$("$1/go" version | sed -E 's/.* go1\.([0-9]+).*/\1/')" -ge 21 ]; }

folders() {
    command -v go >/dev/null && dirname "$(command -v go)"
    printf '%s\n' /usr/local/go/bin /usr/lib/go-1.*/bin
}
find_go() { local folder; while read -r folder; do if is_good "$folder"; then echo "$folder"; return; fi; done < <(folders || true); return 1; }

if find_go; then exit 0; fi
[ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || { say 'needs go 1.21 or later; install it from go.dev'; exit 1; }

work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
say 'installing go'
apt-get update -qq
newest() { apt-cache "$@" pkgnames golang-1. | grep -E '^golang-1\.[0-9]+-go$' | sort -V | tail -1; }
package=$(newest)
if [ "$(sed -E 's/golang-1\.([0-9]+)-go/\1/' <<<"${package:-golang-1.0-go}")" -ge 21 ]; then
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$package" >&2
else
    # The release's backports, at the address that the release comes from; what apt is set up with stays as it is.
    apt-get indextargets --format 'deb $(REPO_URI) $(RELEASE)-backports main' 'Created-By: Packages' 'Component: main' |
        grep -vE -- '-(updates|security|backports)-backports main$' | sort -u >"$work/sources.list"
    mkdir -p "$work/lists/partial"
    backports=(-o "Dir::Etc::sourcelist=$work/sources.list" -o Dir::Etc::sourceparts=/dev/null -o "Dir::State::lists=$work/lists")
    apt-get "${backports[@]}" update -qq
    package=$(newest "${backports[@]}")
    [ -n "$package" ] || { say 'Debian has no go of 1.21 or later; install it from go.dev'; exit 1; }
    DEBIAN_FRONTEND=noninteractive apt-get "${backports[@]}" install -y -qq --no-install-recommends "$package" >&2
fi
find_go || { say "$package did not bring a go of 1.21 or later"; exit 1; }
