# Names that prepare.sh, up.sh and down.sh share. Sourced, never run.
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
kube_version=v1.37.2
keda_version=v2.21.0
keda_sum='h1:R6z2HZvstK4RLUMxroNACzBj74xGxt3kG59b5Xc+Xps='
prom_version=v0.85.0
prom_sum='h1:M5xLCLEoaW2IJfnuCwFzzpL+jSVQu3KGT84Pye+fW8s='
vpa_version=v1.8.1
vpa_sum='h1:Pe8bV1wozN4gOKO1rleiIY5alIyAXN+DnXDbXQcL4fI='
# KUBEPLANE_CACHE holds what prepare.sh makes; KUBEPLANE_STATE one running control plane.
cache=${KUBEPLANE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/jobapp-tests/kubernetes}
state=${KUBEPLANE_STATE:-/tmp/kubeplane-state}
bin=$cache/bin
say() { printf '%s %s\n' "$(date +%T)" "$*"; }
die() { say "$*" >&2; exit 1; }
