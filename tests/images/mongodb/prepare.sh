#!/bin/bash
# prepare.sh CONTEXT: builds the server into CONTEXT/rootfs. Its own command cannot be built as a module, so it is a library of main.go.
set -euo pipefail
cd "$1"
mkdir -p rootfs/tmp rootfs/state; chmod 1777 rootfs/tmp rootfs/state
CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags '-s -w' -o rootfs/mongod .
