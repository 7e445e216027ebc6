#!/usr/bin/env bash
# Leads browsers to the other colour, and back:
#   switch.sh                 which colour is live
#   switch.sh blue|green      makes it live, once all of its programs are ready
# With kubectl's current context; namespace: $NAMESPACE, or production.
set -euo pipefail
namespace=${NAMESPACE:-production}
programs=(gateway auth users gig chat order review)
live() { kubectl -n "$namespace" get service jobber-gateway -o jsonpath='{.spec.selector.color}'; }

case ${1:-} in
    '') live; echo; exit ;;
    blue | green) color=$1 ;;
    *) echo "usage: switch.sh [blue|green]" >&2; exit 2 ;;
esac
before=$(live)
# notification counts itself: without mails there is none.
for program in "${programs[@]}"; do
    kubectl -n "$namespace" rollout status "deployment/jobber-$program-$color" --timeout "${TIMEOUT:-300s}" >/dev/null ||
        { echo "switch.sh: jobber-$program-$color is not ready; $before stays live" >&2; exit 1; }
done
# Sockets first: a browser that comes anew finds both at the same colour.
for service in jobber-gateway-sockets jobber-gateway; do
    kubectl -n "$namespace" patch service "$service" --type merge -p "{\"spec\":{\"selector\":{\"app\":\"jobber-gateway\",\"color\":\"$color\"}}}" >/dev/null
done
echo "switch.sh: $color is live; the way back: switch.sh $before"
