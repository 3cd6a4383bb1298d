# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
#
# What the scripts share: where things are, how they speak, how they end. Sourced, not run.

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# Debian's own python3 sees Debian's scapy and pytest; another one in PATH may not.
PYTHON=/usr/bin/python3
# Prefix of everything that a lab leaves on the machine (namespaces, folder in /run), so that
# several labs can live side by side. It becomes part of names in the kernel: keep it short.
GUIDEWAY_LAB=${GUIDEWAY_LAB:-gw}
LAB_DIR=/run/guideway-lab/$GUIDEWAY_LAB

if [ -t 1 ]; then
	BOLD=$'\e[1m' DIM=$'\e[2m' RED=$'\e[31m' GREEN=$'\e[32m' PLAIN=$'\e[0m'
else
	BOLD='' DIM='' RED='' GREEN='' PLAIN=''
fi
export BOLD DIM RED GREEN PLAIN ROOT PYTHON GUIDEWAY_LAB LAB_DIR

# A step of the way.
say() {
	printf '%s==>%s %s\n' "$BOLD$GREEN" "$PLAIN" "$*"
}

# A detail of a step.
note() {
	printf '    %s\n' "$*"
}

warn() {
	printf '%swarning:%s %s\n' "$BOLD$RED" "$PLAIN" "$*" >&2
}

die() {
	printf '%serror:%s %s\n' "$BOLD$RED" "$PLAIN" "$*" >&2
	exit 1
}

need_root() {
	[ "$(id -u)" -eq 0 ] || die "${0##*/} needs root (namespaces, hugepages, packages): sudo $0"
}
