#!/usr/bin/env bash
# Makes what the manifests beside this script mount as secrets, with kubectl and openssl:
#
#   make-secrets.sh FOLDER [NODES]
#
# FOLDER keeps all values, one a file, and the key of the nodes' authority, which the cluster is not given. What is there already is
# taken as it is; what is missing is made. Keep it, for its owner alone, outside of any checkout: without it nothing can be changed
# later. NODES (3) have a certificate each.
#
#   dotmesh               dotmesh-api-key.txt and dotmesh-admin-password.txt, of the user admin
#   dotmesh-cluster       cluster-secret and database-password
#   dotmesh-certificates  ca.pem and, for each node, dotmesh-N.pem and dotmesh-N-key.pem
#
# For other values of admin change the files and run it again, then kubectl -n dotmesh rollout restart statefulset dotmesh. For new
# certificates, which last two years, remove dotmesh-*.pem first. The certificates may be from --make-certificates of the node as well.
#
# No value is ever an argument of a program: all programs of a machine may read those.
set -euo pipefail
umask 077

namespace=dotmesh

die() {
  printf 'make-secrets.sh: %s\n' "$*" >&2
  exit 1
}

# Runs COMMAND and keeps its output as FILE, whole or not at all, unless it is there.
keep() {
  local file=$folder/$1
  shift
  if [ ! -s "$file" ]; then
    "$@" >"$file.new"
    mv "$file.new" "$file"
  fi
}

authority() {
  if [ -s "$folder/ca.pem" ] && [ -s "$folder/ca-key.pem" ]; then
    return
  fi
  # one without the other is of no use, and a new one would be another authority
  [ ! -e "$folder/ca.pem" ] || die "$folder has ca.pem and no ca-key.pem: put it back, or move ca.pem away for a new authority"
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -config "$scratch/openssl.cnf" -extensions authority \
    -days 3650 -subj "/CN=Dotmesh cluster" -keyout "$scratch/key.pem" -out "$scratch/certificate.pem"
  mv "$scratch/key.pem" "$folder/ca-key.pem"
  mv "$scratch/certificate.pem" "$folder/ca.pem"
}

certificate() {
  local name=$1
  if [ -s "$folder/$name.pem" ] && [ -s "$folder/$name-key.pem" ]; then
    return
  fi
  openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -config "$scratch/openssl.cnf" -subj "/CN=$name" \
    -keyout "$scratch/key.pem" -out "$scratch/request.pem"
  openssl x509 -req -in "$scratch/request.pem" -CA "$folder/ca.pem" -CAkey "$folder/ca-key.pem" -set_serial "0x$(openssl rand -hex 16)" \
    -extfile "$scratch/openssl.cnf" -extensions node -days 730 -out "$scratch/certificate.pem"
  # the certificate last: without it both are made again
  rm -f "$folder/$name.pem"
  mv "$scratch/key.pem" "$folder/$name-key.pem"
  mv "$scratch/certificate.pem" "$folder/$name.pem"
}

# A cluster that runs with values that FOLDER does not have would be given others, and its nodes and its database locked out.
must_have() {
  local secret=$1 file
  shift
  if [ -n "$(kubectl -n "$namespace" get secret "$secret" --ignore-not-found -o name)" ]; then
    for file; do
      [ -s "$folder/$file" ] || die "the secret $secret is there and $folder has no $file: name the folder that it was made from"
    done
  fi
}

# Makes the secret, or gives it these values in the place of others. They go through a pipe.
put() {
  local secret=$1 file files=()
  shift
  for file; do
    files+=("--from-file=$file=$folder/$file")
  done
  kubectl -n "$namespace" create secret generic "$secret" "${files[@]}" --dry-run=client -o yaml |
    kubectl apply --server-side --force-conflicts -f -
}

folder=${1:-}
nodes=${2:-3}
if [ -z "$folder" ] || [ $# -gt 2 ]; then
  die "usage: make-secrets.sh FOLDER [NODES]"
fi
[[ $nodes =~ ^[1-9][0-9]{0,2}$ ]] || die "'$nodes' is not a number of nodes"
command -v kubectl >/dev/null || die "there is no kubectl"
command -v openssl >/dev/null || die "there is no openssl"

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
scratch=$(mktemp -d "$folder/.new.XXXXXX")
trap 'rm -rf "$scratch"' EXIT
cat >"$scratch/openssl.cnf" <<'CNF'
[req]
distinguished_name = name
[name]
[authority]
basicConstraints = critical, CA:TRUE, pathlen:0
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[node]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth, clientAuth
authorityKeyIdentifier = keyid
CNF

kubectl apply -f "$here/namespace.yaml"
must_have dotmesh dotmesh-api-key.txt dotmesh-admin-password.txt
must_have dotmesh-cluster cluster-secret database-password
must_have dotmesh-certificates ca.pem ca-key.pem

keep dotmesh-api-key.txt openssl rand -hex 20
keep dotmesh-admin-password.txt openssl rand -hex 20
keep cluster-secret openssl rand -base64 32
keep database-password openssl rand -hex 20
authority
certificates=(ca.pem)
for ((node = 0; node < nodes; node++)); do
  certificate "dotmesh-$node"
  certificates+=("dotmesh-$node.pem" "dotmesh-$node-key.pem")
done

put dotmesh dotmesh-api-key.txt dotmesh-admin-password.txt
put dotmesh-cluster cluster-secret database-password
put dotmesh-certificates "${certificates[@]}"
printf 'The API key of admin is in %s\n' "$folder/dotmesh-api-key.txt"
