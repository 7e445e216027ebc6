#!/usr/bin/env bash
# prepare.sh [lint|all]: fills the cache folder. `lint` is kustomize, kubeconform,
# the JSON schemas and the CRDs (about a minute); `all`, the default, adds the
# control plane, kubectl and kwok. What is already there for these inputs is kept.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
what=${1:-all}
case $what in lint|all) ;; *) die "usage: prepare.sh [lint|all]";; esac

PATH=$("$here/../images/go.sh"):$PATH
export CGO_ENABLED=0 GOMAXPROCS="${GOMAXPROCS:-2}" GOFLAGS="-trimpath -buildvcs=false -mod=readonly"
mkdir -p "$bin"
exec 9>"$cache/lock"
flock 9
key=$(cat "$here"/lib.sh "$here"/kubeplane/go.mod "$here"/kubeplane/go.sum "$here"/kubeplane/*.go \
    "$here"/kubeplane/*/*.go <(go env GOVERSION GOARCH) | sha256sum | cut -c1-16)

# build NAME PACKAGE: one binary, unless it was made from these inputs before.
build() {
    local name=$1 package=$2 start=$SECONDS
    [ "$(cat "$bin/.$name" 2>/dev/null)" = "$key" ] && [ -x "$bin/$name" ] && return
    (cd "$here/kubeplane" && nice -n 19 go build -o "$bin/$name.new" -ldflags \
        "-s -w -X k8s.io/component-base/version.gitVersion=$kube_version -X k8s.io/component-base/version.gitTreeState=clean" \
        "$package")
    mv "$bin/$name.new" "$bin/$name"
    echo "$key" >"$bin/.$name"
    say "$name: $(du -m "$bin/$name" | cut -f1) MiB, $((SECONDS - start)) s"
}

# module NAME VERSION SUM: downloads one module outside the build and prints its folder.
module() {
    local json dir sum
    json=$(cd / && GOFLAGS='' go mod download -json "$1@$2") || { echo "$json" >&2; return 1; }
    dir=$(sed -n 's/^\t"Dir": "\(.*\)",*$/\1/p' <<<"$json")
    sum=$(sed -n 's/^\t"Sum": "\(.*\)",*$/\1/p' <<<"$json")
    [ "$sum" = "$3" ] || { echo "$1@$2 has the hash $sum, not $3" >&2; return 1; }
    echo "$dir"
}

build kustomize sigs.k8s.io/kustomize/kustomize/v5
build kubeconform github.com/yannh/kubeconform/cmd/kubeconform
build schemas ./schemas

if [ "$(cat "$cache/.data" 2>/dev/null)" != "$key" ]; then
    (cd "$here/kubeplane" && go mod download k8s.io/kubernetes sigs.k8s.io/kwok)
    kubernetes=$(cd "$here/kubeplane" && go list -m -f '{{.Dir}}' k8s.io/kubernetes)
    kwok=$(cd "$here/kubeplane" && go list -m -f '{{.Dir}}' sigs.k8s.io/kwok)
    keda=$(module github.com/kedacore/keda/v2 "$keda_version" "$keda_sum")
    prom=$(module github.com/prometheus-operator/prometheus-operator "$prom_version" "$prom_sum")
    vpa=$(module k8s.io/autoscaler/vertical-pod-autoscaler "$vpa_version" "$vpa_sum")
    rm -rf "$cache/crds" "$cache/schemas" "$cache/stages"
    mkdir -p "$cache/crds/keda" "$cache/crds/prometheus-operator" "$cache/crds/vpa" "$cache/schemas" "$cache/stages"
    cp "$keda"/config/crd/bases/*.yaml "$cache/crds/keda/"
    cp "$prom"/example/prometheus-operator-crd/*.yaml "$cache/crds/prometheus-operator/"
    cp "$vpa"/deploy/vpa-v1-crd-gen.yaml "$cache/crds/vpa/"
    stages=$kwok/kustomize/stage
    cp "$stages"/node/fast/node-initialize.yaml "$stages"/node/heartbeat-with-lease/node-heartbeat-with-lease.yaml \
        "$stages"/pod/fast/pod-complete.yaml "$stages"/pod/fast/pod-delete.yaml "$cache/stages/"
    chmod -R u+w "$cache/crds" "$cache/stages"
    "$bin/schemas" "$cache/schemas" "$kubernetes/api/openapi-spec/swagger.json" "$cache/crds"
    echo "$key" >"$cache/.data"
fi

if [ "$what" = all ]; then
    build kubeplane .
    for server in etcd kube-apiserver kube-controller-manager kube-scheduler; do
        ln -sf kubeplane "$bin/$server"
    done
    build kubectl k8s.io/kubernetes/cmd/kubectl
    build kwok sigs.k8s.io/kwok/cmd/kwok
fi
say "ready in $cache ($SECONDS s)"
