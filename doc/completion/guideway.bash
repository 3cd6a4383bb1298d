# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
#
# Completion of guideway(1) for bash: what could stand at the cursor is asked of the program.
# Install as /usr/share/bash-completion/completions/guideway, or source it.

_guideway() {
	local before=${COMP_LINE:0:COMP_POINT} words cur head lines i

	# bash splits words at ":" and "=", which addresses contain: take them as typed.
	read -ra words <<<"$before"
	[[ $before != *[[:space:]] ]] || words+=('')
	cur=${words[${#words[@]} - 1]}
	mapfile -t lines < <("${words[0]}" --complete "${words[@]:1}" 2>/dev/null </dev/null)
	if [[ ${lines[0]-} == :files ]]; then
		compopt -o filenames 2>/dev/null
		[[ $cur != --*=* ]] || cur=${cur#*=}
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		return
	fi
	# readline replaces only what is behind the last ":" or "=".
	head=${cur%"${cur##*[:=]}"}
	COMPREPLY=()
	for i in "${!lines[@]}"; do
		lines[i]=${lines[i]%%$'\t'*}
		COMPREPLY+=("${lines[i]#"$head"}")
	done
}

complete -F _guideway guideway
