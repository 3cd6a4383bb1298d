# SPDX-License-Identifier: BSD-3-Clause
#
# Completion of guideway(1) for fish: what could stand at the cursor is asked of the program.
# Install as /usr/share/fish/vendor_completions.d/guideway.fish.

function __guideway_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    set -l lines ($words[1] --complete $words[2..] "$current" 2>/dev/null </dev/null)

    if test "$lines[1]" = :files
        if string match -q -- '--*=*' "$current"
            set -l option (string replace -r '=.*' '=' -- "$current")
            for file in (__fish_complete_path (string replace -r '^[^=]*=' '' -- "$current"))
                printf '%s%s\n' $option $file
            end
        else
            __fish_complete_path "$current"
        end
        return
    end
    printf '%s\n' $lines
end

complete -c guideway -f -a '(__guideway_complete)'
