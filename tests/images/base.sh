#!/bin/bash
# Makes the small Debian image that the stand-ins of Debian's packages start from, without an image registry.
#   base.sh TAG
# It carries this machine's Debian archive addresses and apt proxy settings, and nothing else of its apt configuration.
set -euo pipefail
suite=bookworm
tag=${1:?base.sh TAG}

if ! command -v mmdebstrap >/dev/null; then
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends mmdebstrap
fi >&2

work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
# The addresses apt uses here for this suite, its updates and its security fixes, whatever the format of the sources files.
apt-get indextargets --format 'deb $(REPO_URI) $(RELEASE) main' 'Created-By: Packages' 'Component: main' |
  grep -E " $suite(-updates|-security)? main$" | sort -u >"$work/sources.list" || true
grep -q " $suite main$" "$work/sources.list" || { echo "base.sh: no Debian $suite in apt's sources" >&2; exit 1; }
apt-config dump |
  grep -iE '^Acquire::(http|https)::(Proxy|Proxy-Auto-Detect) |^Acquire::Check-(Valid-Until|Date) ' >"$work/mirror.conf" || true

# libeatmydata makes fsync a no-op: data outlives a killed container, though not a crash of the machine.
mmdebstrap --quiet --mode=root --variant=apt --include=libeatmydata1 \
  --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
  --dpkgopt='path-exclude=/usr/share/locale/*' --dpkgopt='force-unsafe-io' \
  --aptopt='APT::Install-Recommends "false"' --aptopt='Acquire::Languages "none"' \
  --customize-hook="cp $work/mirror.conf \$1/etc/apt/apt.conf.d/50mirror" \
  --customize-hook="rm -f \$1/etc/resolv.conf" \
  "$suite" "$work/base.tar" "$work/sources.list" >"$work/log" 2>&1 || { tail -20 "$work/log" >&2; exit 1; }

# policy-rc.d keeps packages from starting their services while an image is built.
install -D -m 755 <(printf '#!/bin/sh\nexit 101\n') "$work/usr/sbin/policy-rc.d"
tar -C "$work" --owner=0 --group=0 -rf "$work/base.tar" ./usr/sbin/policy-rc.d

docker import --change 'ENV LD_PRELOAD=libeatmydata.so LANG=C.UTF-8 DEBIAN_FRONTEND=noninteractive' --change 'CMD ["/bin/bash"]' \
  "$work/base.tar" "$tag" >/dev/null
