# SPDX-License-Identifier: ISC
# Completion of dazaid(8) for fish(1).

# The words after "--", a command.
function __dazaid_command
    set -l words (commandline -opc)
    set -l at (contains -i -- -- $words)
    or return
    set words $words[(math $at + 1)..] (commandline -ct)
    complete -C (string join ' ' -- (string escape -- $words[..-2]) $words[-1])
end

function __dazaid_option
    not contains -- -- (commandline -opc)
end

# The files that may follow "NAME=".
function __dazaid_files
    set -l typed (string match -r '^(?:-l|--load=)?([^=]*=)(.*)' -- (commandline -ct))
    and printf '%s\n' $typed[2](__fish_complete_path $typed[3] | string replace -r '\t.*' '')
end

complete -c dazaid -f
complete -c dazaid -n 'not __dazaid_option' -a '(__dazaid_command)'
complete -c dazaid -n __dazaid_option -s 1 -l once -d 'Ask once for a secret that is typed'
complete -c dazaid -n __dazaid_option -s a -l arm -d 'A panic kills'
complete -c dazaid -n __dazaid_option -s d -l debug -d 'Stay in the foreground'
complete -c dazaid -n __dazaid_option -s f -l first -x -d 'Seconds that a secret may be unguarded'
complete -c dazaid -n __dazaid_option -s g -l grace -x -d 'Seconds that an armed daemon waits'
complete -c dazaid -n __dazaid_option -s h -l help -d 'Show the options'
complete -c dazaid -n __dazaid_option -s l -l load -x -a '(__dazaid_files)' \
    -d 'Store this secret at the start'
complete -c dazaid -n __dazaid_option -s L -l load-file -rF -d 'Run the commands in a file, and store their output'
complete -c dazaid -n __dazaid_option -s m -l memory -x -a 'secretmem mlock' \
    -d 'Memory of this kind or none'
complete -c dazaid -n __dazaid_option -l require-lock -d 'Refuse memory that can be swapped out'
complete -c dazaid -n __dazaid_option -s s -l socket -rF -d 'The heartbeat socket'
complete -c dazaid -n __dazaid_option -s t -l ping-timeout -x -d 'Seconds that a heartbeat may be silent'
complete -c dazaid -n __dazaid_option -s u -l user -x -a '(__fish_complete_users)' \
    -d 'Whose session it guards'
complete -c dazaid -n __dazaid_option -s v -l verbose -d 'Log more'
complete -c dazaid -n __dazaid_option -s V -l version -d 'Show the version'
complete -c dazaid -n __dazaid_option -s z -l size -x -d 'Bytes of memory for secrets'
