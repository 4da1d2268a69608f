#!/usr/bin/env bash
# The storage contract beside a real OpenZFS kernel module: openzfs.sh SUITE [--filter TEXT] [--timeout SECONDS]
# OPENZFS_VM names the tool that boots the machine; LANE_TIMEOUT the seconds for all cases. Results: artifacts/lane/.
set -euo pipefail

suite=${1:?which suite: bookworm or trixie}
shift
: "${OPENZFS_VM:?set it to the path of the virtual machine tool}"
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
out=$root/artifacts/lane
mkdir -p "$out"

dotnet publish "$root/specs/Lane" --nologo -v quiet -c Release -r linux-x64 --self-contained -o "$out/publish"

# what emulation multiplies: compile once, no background re-compilation of the runner's few hot loops
"$OPENZFS_VM" run --suite "$suite" --share "$out/publish" --mem 4096 --timeout "${LANE_TIMEOUT:-7200}" \
  --env DOTMESH_SPEC_LANES=openzfs --env DOTNET_TieredPGO=0 --env TMPDIR=/dev/shm \
  -- ./Dotmesh.Lane "$@" | tee "$out/$suite.txt"
