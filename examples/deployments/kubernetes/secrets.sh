#!/usr/bin/env bash
# Makes what the secret jobber-backend-secret lacks, and never changes what it has:
#   secrets.sh            with kubectl's current context; namespace: $NAMESPACE, or production
# What cannot be made up is taken from the environment: JOBAPP_MEDIA, JOBAPP_MAIL, JOBAPP_PAYMENTS. So is whatever else is set there, by
# the variable that is named beside its key, such as MYSQL_DB for a database of somebody else's. Nothing secret is printed, and nothing is
# on a command line, where others could see it.
set -euo pipefail
namespace=${NAMESPACE:-production}
name=jobber-backend-secret
umask 077

work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
kubectl -n "$namespace" get secret "$name" --ignore-not-found -o go-template='{{range $key, $value := .data}}{{$key}}={{$value}}{{"\n"}}{{end}}' >"$work/there"

made=0
# value KEY: what it is.
value() { sed -n "s/^$1=//p" "$work/there" | base64 -d; }
random() { head -c "$1" /dev/urandom | od -An -tx1 | tr -d ' \n'; }
# key KEY VARIABLE DEFAULT: one key of the secret. Without a default somebody has to say it.
key() {
    if grep -q "^$1=" "$work/there"; then return; fi
    local said=${!2:-${3:-}}
    [ -n "$said" ] || { echo "secrets.sh: set $2: $1 cannot be made up" >&2; exit 1; }
    printf '%s=%s\n' "$1" "$(printf %s "$said" | base64 -w0)" >>"$work/there"
    made=$((made + 1))
}

key jwt-token JWT_TOKEN "$(random 32)"
key gateway-jwt-token GATEWAY_JWT_TOKEN "$(random 32)"
key jobapp-sealing-key JOBAPP_SEALING_KEY "$(random 32)"
# Servers of this installation. Hexadecimal digits need no escaping in an address.
key jobber-mysql-root-password MYSQL_ROOT_PASSWORD "$(random 16)"
key jobber-mysql-user MYSQL_USER jobapp
key jobber-mysql-password MYSQL_PASSWORD "$(random 16)"
key jobber-mysql-db MYSQL_DB "mysql://$(value jobber-mysql-user):$(value jobber-mysql-password)@jobber-mysql:3306/jobber_auth"
key jobber-postgres-host DATABASE_HOST jobber-postgres:5432
key jobber-postgres-user DATABASE_USER jobapp
key jobber-postgres-password DATABASE_PASSWORD "$(random 16)"
key jobber-mongo-user MONGO_USER jobapp
key jobber-mongo-password MONGO_PASSWORD "$(random 16)"
key mongo-database-url DATABASE_URL "mongodb://$(value jobber-mongo-user):$(value jobber-mongo-password)@jobber-mongo:27017/market?authSource=admin"
key jobber-redis-password REDIS_PASSWORD "$(random 16)"
key jobber-redis-host REDIS_HOST "redis://:$(value jobber-redis-password)@jobber-redis:6379"
key jobber-rabbitmq-user RABBITMQ_USER jobapp
key jobber-rabbitmq-password RABBITMQ_PASSWORD "$(random 16)"
key jobber-rabbitmq-endpoint RABBITMQ_ENDPOINT "amqp://$(value jobber-rabbitmq-user):$(value jobber-rabbitmq-password)@jobber-queue:5672/"
key jobber-elasticsearch-password ELASTIC_PASSWORD "$(random 16)"
key jobber-elasticsearch-url ELASTIC_SEARCH_URL "http://elastic:$(value jobber-elasticsearch-password)@jobber-elastic:9200"
# What is outside.
key jobapp-media JOBAPP_MEDIA
key jobapp-mail JOBAPP_MAIL
key jobapp-payments JOBAPP_PAYMENTS

{
    printf 'apiVersion: v1\nkind: Secret\nmetadata: {name: %s, namespace: %s}\ntype: Opaque\ndata:\n' "$name" "$namespace"
    sed 's/^\([^=]*\)=\(.*\)$/  \1: "\2"/' "$work/there"
} >"$work/secret.yaml"
# Server-side: a client-side apply would keep a readable copy in an annotation.
kubectl apply --server-side --field-manager=secrets.sh -f "$work/secret.yaml" >/dev/null
echo "secrets.sh: $name of $namespace has $(wc -l <"$work/there") keys, $made of them new"
