#!/usr/bin/env bash
# Starts the eight programs with every server, and waits until all are healthy:
#   up.sh [--profile observability] [-- options of docker compose up]
# Secrets are made once, in the file `.env` beside this one, which only its owner may read.
set -euo pipefail
cd "$(dirname "$0")"
umask 077
random() { head -c "$1" /dev/urandom | od -An -tx1 | tr -d ' \n'; }
touch .env
for secret in JWT_TOKEN GATEWAY_JWT_TOKEN JOBAPP_SEALING_KEY; do
    grep -q "^$secret=" .env || echo "$secret=$(random 32)" >>.env
done
for secret in MYSQL_PASSWORD MYSQL_ROOT_PASSWORD POSTGRES_PASSWORD MONGO_PASSWORD REDIS_PASSWORD RABBITMQ_PASSWORD GRAFANA_PASSWORD; do
    grep -q "^$secret=" .env || echo "$secret=$(random 16)" >>.env
done
profile=()
if [ "${1:-}" = --profile ]; then profile=(--profile "$2"); shift 2; fi
[ "${1:-}" != -- ] || shift
# COMPOSE is another compose than that of docker.
exec ${COMPOSE:-docker compose} -f services.yaml "${profile[@]}" up -d --wait "$@"
