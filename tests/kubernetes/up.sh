#!/usr/bin/env bash
# up.sh: starts etcd, kube-apiserver, kube-controller-manager, kube-scheduler and
# kwok on free loopback ports, with two fake nodes, a default StorageClass and the
# CRDs of KEDA, the Prometheus operator and the vertical autoscaler (CRDS=none leaves those out). Everything that
# it writes is under KUBEPLANE_STATE; the kubeconfig is KUBEPLANE_STATE/kubeconfig.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
[ -x "$bin/kubeplane" ] && [ -x "$bin/kwok" ] || die "run prepare.sh first"
[ ! -e "$state/pids" ] || die "$state is in use: run down.sh first"
started=$SECONDS
umask 077
mkdir -p "$state/tls" "$state/log"
ok=
trap '[ -n "$ok" ] || { say "start failed; the logs are in $state/log" >&2; "$here/down.sh" keep-logs >&2; }' EXIT

# Ports that nobody listens on now; a port is not handed out twice.
taken=' '
free_port() {
    local p
    for _ in $(seq 200); do
        p=$((20000 + RANDOM % 12000))
        case $taken in *" $p "*) continue;; esac
        if ! (exec 3<>"/dev/tcp/127.0.0.1/$p") 2>/dev/null; then
            taken+="$p "
            port=$p
            return
        fi
    done
    die "no free port"
}
free_port; etcd_port=$port
free_port; peer_port=$port
free_port; api_port=$port

# One random token per client; the groups and names are those of Kubernetes' built-in roles.
token() { od -An -tx1 -N16 /dev/urandom | tr -d ' \n'; }
kubeconfig() { # FILE USER TOKEN
    cat >"$1" <<END
apiVersion: v1
kind: Config
clusters: [{name: kubeplane, cluster: {server: "https://127.0.0.1:$api_port", certificate-authority: "$state/tls/apiserver.crt"}}]
users: [{name: "$2", user: {token: "$3"}}]
contexts: [{name: kubeplane, context: {cluster: kubeplane, user: "$2"}}]
current-context: kubeplane
END
}
: >"$state/tokens.csv"
client() { # FILE USER [GROUP]
    local t
    t=$(token)
    echo "$t,$2,$2${3:+,$3}" >>"$state/tokens.csv"
    kubeconfig "$state/$1" "$2" "$t"
}
client kubeconfig admin system:masters
client kwok.kubeconfig kwok system:masters
client controller-manager.kubeconfig system:kube-controller-manager
client scheduler.kubeconfig system:kube-scheduler
openssl genrsa -out "$state/tls/sa.key" 2048 2>/dev/null

# start NAME COMMAND ...: in the background, free of this shell, with a log and a pid.
start() {
    local name=$1
    shift
    setsid nohup "$@" >"$state/log/$name.log" 2>&1 </dev/null &
    echo "$! $name" >>"$state/pids"
}
alive() { # says which server ended, if one did
    local pid name
    while read -r pid name; do
        kill -0 "$pid" 2>/dev/null || { tail -5 "$state/log/$name.log" >&2; say "$name ended" >&2; return 1; }
    done <"$state/pids"
}
kubectl() { "$bin/kubectl" --kubeconfig "$state/kubeconfig" --cache-dir "$state/kubectl-cache" "$@"; }
wait_for() { # SECONDS WHAT COMMAND ...
    local end=$((SECONDS + $1)) what=$2
    shift 2
    until "$@" >/dev/null 2>&1; do
        alive
        [ $SECONDS -lt "$end" ] || { say "$what: not there in time" >&2; return 1; }
        sleep 0.2
    done
}

start etcd "$bin/etcd" --name kubeplane --data-dir "$state/etcd" --unsafe-no-fsync --log-level warn \
    --listen-client-urls "http://127.0.0.1:$etcd_port" --advertise-client-urls "http://127.0.0.1:$etcd_port" \
    --listen-peer-urls "http://127.0.0.1:$peer_port" --initial-advertise-peer-urls "http://127.0.0.1:$peer_port" \
    --initial-cluster "kubeplane=http://127.0.0.1:$peer_port"
start kube-apiserver "$bin/kube-apiserver" --etcd-servers "http://127.0.0.1:$etcd_port" \
    --bind-address 127.0.0.1 --advertise-address 127.0.0.1 --secure-port "$api_port" --cert-dir "$state/tls" \
    --endpoint-reconciler-type none --service-cluster-ip-range 10.96.0.0/16 \
    --authorization-mode RBAC --token-auth-file "$state/tokens.csv" --allow-privileged \
    --service-account-issuer https://kubernetes.default.svc --api-audiences https://kubernetes.default.svc \
    --service-account-key-file "$state/tls/sa.key" --service-account-signing-key-file "$state/tls/sa.key"
wait_for 90 kube-apiserver kubectl get --raw /readyz
# apiserver.crt is the server's certificate followed by that of the CA made for it.
awk '/BEGIN CERT/ {n++} n == 2' "$state/tls/apiserver.crt" >"$state/tls/ca.crt"
start kube-controller-manager "$bin/kube-controller-manager" --kubeconfig "$state/controller-manager.kubeconfig" \
    --secure-port 0 --leader-elect=false --use-service-account-credentials --enable-hostpath-provisioner \
    --root-ca-file "$state/tls/ca.crt" --service-account-private-key-file "$state/tls/sa.key" \
    --horizontal-pod-autoscaler-sync-period 5s
start kube-scheduler "$bin/kube-scheduler" --kubeconfig "$state/scheduler.kubeconfig" --secure-port 0 --leader-elect=false
config=()
for file in "$cache"/stages/*.yaml "$here/stages.yaml"; do config+=(--config "$file"); done
# HOME keeps kwok from reading or writing a ~/.kwok of the person who runs this.
start kwok env HOME="$state" "$bin/kwok" --kubeconfig "$state/kwok.kubeconfig" "${config[@]}" \
    --manage-nodes-with-annotation-selector kwok.x-k8s.io/node=fake --node-lease-duration-seconds 40 --cidr 10.244.0.0/16

nodes() {
    local n
    for n in node-1 node-2; do
        cat <<END
---
apiVersion: v1
kind: Node
metadata:
  name: $n
  annotations: {kwok.x-k8s.io/node: fake}
  labels: {kubernetes.io/hostname: $n, kubernetes.io/os: linux, kubernetes.io/arch: amd64, topology.kubernetes.io/zone: zone-${n#node-}}
status:
  capacity: {cpu: "16", memory: 64Gi, ephemeral-storage: 200Gi, pods: "110"}
  allocatable: {cpu: "16", memory: 64Gi, ephemeral-storage: 200Gi, pods: "110"}
  addresses: [{type: InternalIP, address: 127.0.0.1${n#node-}}, {type: Hostname, address: $n}]
END
    done
    cat <<END
---
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata:
  name: standard
  annotations: {storageclass.kubernetes.io/is-default-class: "true"}
provisioner: kubernetes.io/host-path
END
}
nodes | kubectl create -f - >/dev/null
if [ "${CRDS:-all}" != none ]; then # server-side, since some are too large for the annotation of a client-side apply
    kubectl apply --server-side -f "$cache/crds" -R >/dev/null
    kubectl wait --for condition=Established --timeout 60s crd --all >/dev/null
fi
kubectl wait --for condition=Ready --timeout 60s node --all >/dev/null
wait_for 60 'the default service account' kubectl get serviceaccount default
alive
ok=yes
say "ready in $((SECONDS - started)) s: export KUBECONFIG=$state/kubeconfig KUBECACHEDIR=$state/kubectl-cache PATH=$bin:\$PATH"
