# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
#
# Completion of guideway(1) for bash. Names of services and addresses of backends are asked
# of the running daemon. Needs nothing but bash and awk. Install as
# /usr/share/bash-completion/completions/guideway, or source it.

# Columns of a table: words that a shell would not expand, each once.
_guideway_columns() {
	awk -v columns="$1" '
		BEGIN { n = split(columns, column, " ") }
		NR > 1 {
			for (i = 1; i <= n; i++)
				if ($column[i] ~ /^[A-Za-z0-9._:\/[\]-]+$/)
					print $column[i]
		}' | sort -u
}

# Ask the daemon that the command line is meant for; silent and quick if there is none.
_guideway_ask() {
	local i program=${words[0]} options=(--timeout 1 --no-color)

	for ((i = 1; i < ${#words[@]} - 1; i++)); do
		case ${words[i]} in
		--socket) options+=(--socket "${words[i + 1]}") ;;
		--socket=*) options+=("${words[i]}") ;;
		esac
	done
	"$program" "$@" "${options[@]}" 2>/dev/null </dev/null
}

_guideway_services() {
	_guideway_ask service list | _guideway_columns '1 2'
}

# Of the service that is named, else of all.
_guideway_backends() {
	local i chosen=()

	for ((i = 1; i < ${#words[@]} - 1; i++)); do
		case ${words[i]} in
		--service) chosen=(--service "${words[i + 1]}") ;;
		--service=*) chosen=("${words[i]}") ;;
		esac
	done
	_guideway_ask backend list "${chosen[@]}" | _guideway_columns 2
}

# bash splits words at ":" and "=", which addresses contain: put them together as typed.
# Sets words, cword (index of the word under the cursor) and cur.
_guideway_words() {
	local before=${COMP_LINE:0:COMP_POINT}

	read -ra words <<<"$before"
	[[ $before != *[[:space:]] ]] || words+=('')
	cword=$((${#words[@]} - 1))
	cur=${words[cword]}
}

# The words that are no options and no values of theirs, before the cursor.
_guideway_plain() {
	local i

	plain=()
	for ((i = 1; i < cword; i++)); do
		case ${words[i]} in
		-o | --output | --socket | --timeout | -f | --file | --service | --backend | \
			--weight | --state | --limit | --wait) ((i++)) ;;
		-*) ;;
		*) plain+=("${words[i]}") ;;
		esac
	done
}

_guideway_options() {
	local names='--output --socket --timeout --no-color --help --version'

	case "${plain[*]}" in
	'backend list'* | 'backend show'*) names+=' --service' ;;
	'backend add'* | 'backend set'*) names+=' --service --weight --state --dry-run' ;;
	'backend '*) names+=' --service --dry-run' ;;
	'balancer drain'*) names+=' --wait --dry-run' ;;
	'balancer enable'* | 'balancer disable'*) names+=' --dry-run' ;;
	'override reset'*) names+=' --service --backend --dry-run' ;;
	apply*) names+=' --file --reset-overrides --allow-empty --dry-run' ;;
	export*) names+=' --effective' ;;
	history* | audit*) names+=' --limit' ;;
	events*) names+=' --limit --follow' ;;
	esac
	echo "$names"
}

_guideway_arguments() {
	case "${plain[*]}" in
	'') echo 'status service backend balancer override apply export stats history audit events help' ;;
	help) echo 'status service backend balancer override apply export stats history audit events' ;;
	service | 'help service') echo 'list show' ;;
	backend | 'help backend') echo 'list show add set drain enable disable remove' ;;
	balancer | 'help balancer') echo 'show drain enable disable' ;;
	override | 'help override') echo 'list reset' ;;
	stats) echo 'service backend worker main drops port' ;;
	'service show') _guideway_services ;;
	'backend show' | 'backend set' | 'backend drain' | 'backend enable' | 'backend disable' | 'backend remove')
		_guideway_backends
		;;
	esac
}

# _guideway_value OPTION: what it can be.
_guideway_value() {
	case $1 in
	-o | --output) echo 'table json' ;;
	--service) _guideway_services ;;
	--backend) _guideway_backends ;;
	--state) echo 'enabled draining disabled configured' ;;
	--weight) echo configured ;;
	esac
}

_guideway() {
	local words=() plain=() cword cur previous candidates head='' i

	COMPREPLY=()
	_guideway_words
	_guideway_plain
	previous=${words[cword - 1]}
	if [[ $cur == --*=* ]]; then
		previous=${cur%%=*} head=${cur%%=*}= cur=${cur#*=}
	fi
	case $previous in
	-f | --file | --socket)
		compopt -o filenames 2>/dev/null
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		return
		;;
	-o | --output | --service | --backend | --state | --weight | --timeout | --limit | --wait)
		candidates=$(_guideway_value "$previous")
		;;
	*)
		if [[ $cur == -* ]]; then
			candidates=$(_guideway_options)
		else
			candidates=$(_guideway_arguments)
		fi
		;;
	esac
	mapfile -t COMPREPLY < <(compgen -W "$candidates" -- "$cur")
	# readline replaces only what is behind the last ":" or "=".
	cur=$head$cur
	head=${cur%"${cur##*[:=]}"}
	[[ $head == *:* ]] || return
	head=${head#--*=}
	for i in "${!COMPREPLY[@]}"; do
		COMPREPLY[i]=${COMPREPLY[i]#"$head"}
	done
}

complete -F _guideway guideway
