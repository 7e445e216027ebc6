#!/bin/bash
# Finds or makes the images of the servers that tests start, and prints a line for each:
#   JOBAPP_TEST_IMAGE_MYSQL=mysql:8.4
# images.sh [NAME...]     all, or the named ones
# images.sh --clean       removes the stand-ins that earlier runs made
#
# An image is, in this order: what JOBAPP_TEST_IMAGE_<NAME> says; the official one, if it is here or can be pulled; a stand-in that is
# built here of Debian's packages, Go modules or Maven artifacts. Needs a running engine (tests/engine.sh); stand-ins need root's apt. What
# it does, it says on standard error.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cd "$here"
all=(mysql postgres redis rabbitmq mongodb elasticsearch mailpit toxiproxy)
stand_ins=jobapp-tests
say() { echo "images.sh: $*" >&2; }
die() { say "$*"; exit 1; }

if [ "${1:-}" = --clean ]; then
    docker image ls --filter "reference=$stand_ins/*" --format '{{.Repository}}:{{.Tag}}' | xargs -r docker image rm >/dev/null
    exit 0
fi
names=("$@"); [ $# -gt 0 ] || names=("${all[@]}")

exec 9>"${TMPDIR:-/tmp}/jobapp-test-images-$(id -u).lock"
flock -n 9 || { say 'waiting for another run that makes images'; flock 9; }
context=; trap 'rm -rf "$context"' EXIT

is_here() { docker image inspect "$1" >/dev/null 2>&1; }

# The hash of all that an image is made from: its tag, so that an image is never changed under those that use it.
hash_of() { find "$@" -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum | cut -c1-16; }

# Whether a registry answers, asked once.
registry=
can_pull() {
    if [ -z "$registry" ]; then
        registry=no
        if timeout 15 docker manifest inspect "$1" >/dev/null 2>&1; then registry=yes; else say 'official images cannot be pulled here'; fi
    fi
    [ "$registry" = yes ]
}

pull() {
    can_pull "$1" || return 1
    say "pulling $1"
    timeout 600 docker pull -q "$1" >/dev/null || { say "$1 could not be pulled"; return 1; }
}

build() {
    local name=$1 tag=$2 started=$SECONDS network=none base=
    say "building a stand-in for $(cat "$name/official")"
    if [ -f "$name/prepare.sh" ]; then
        local tools=go
        [ ! -f "$name/pom.xml" ] || tools=java
        PATH=$("./$tools.sh"):$PATH
    else
        network=host
        base=$stand_ins/debian:$(hash_of base.sh)
        is_here "$base" || { say 'building the base of the stand-ins'; ./base.sh "$base"; }
    fi
    context=$(mktemp -d)
    cp -R "$name/." "$context/"
    # prepare.sh, where there is one, fills CONTEXT/rootfs with what the Dockerfile copies.
    if ! { [ ! -f "$context/prepare.sh" ] || "$context/prepare.sh" "$context"; } >"$context.log" 2>&1 ||
        ! DOCKER_BUILDKIT=0 docker build --force-rm --network $network --build-arg "BASE=$base" -t "$tag" "$context" >>"$context.log" 2>&1
    then
        tail -40 "$context.log" >&2
        die "$name failed; the whole log: $context.log"
    fi
    rm -rf "$context" "$context.log"
    say "built $name in $((SECONDS - started)) s"
}

for name in "${names[@]}"; do
    [ -f "$name/Dockerfile" ] || die "no image '$name'; there are: ${all[*]}"
    variable=JOBAPP_TEST_IMAGE_${name^^}
    image=${!variable:-}
    if [ -z "$image" ]; then
        official=$(cat "$name/official")
        image=$stand_ins/$name:$(hash_of "$name" base.sh)
        if is_here "$official"; then image=$official
        elif is_here "$image"; then :
        elif pull "$official"; then image=$official
        else build "$name" "$image"; fi
    fi
    echo "$variable=$image"
done
