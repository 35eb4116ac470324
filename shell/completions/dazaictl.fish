# SPDX-License-Identifier: ISC
# Completion of dazaictl(8) for fish(1).

# The words after dazaictl's own options, up to the cursor: the command and its
# arguments.  None while an option still lacks its value.
function __dazaictl_words
    set -l words (commandline -opc)
    argparse -s h/help V/version s/socket= -- $words[2..] 2>/dev/null
    and string join -- \n $argv
end

function __dazaictl_no_command
    test (count (__dazaictl_words)) -eq 0
end

function __dazaictl_command
    set -l words (__dazaictl_words)
    contains -- "$words[1]" $argv
end

# Is nothing but options there after the command yet?
function __dazaictl_no_argument
    set -l words (__dazaictl_words)
    test (count (string match -v -- '-*' $words)) -eq 1
end

# The first words of what "dazaictl $argv" prints: names of secrets or of tethers.
function __dazaictl_names
    set -l question $argv
    set -l words (commandline -opc)
    argparse -s h/help V/version s/socket= -- $words[2..] 2>/dev/null
    set -l sock
    # As typed: a tilde is still one.
    set -q _flag_socket
    and set sock -s (string replace -r '^~/' "$HOME/" -- $_flag_socket)
    dazaictl $sock $question 2>/dev/null | string replace -r ' .*' ''
end

# A program, or what that program wants.
function __dazaictl_run
    set -l words (__dazaictl_words) (commandline -ct)
    complete -C (string join ' ' -- (string escape -- $words[2..-2]) $words[-1])
end

complete -c dazaictl -f
complete -c dazaictl -n __dazaictl_no_command -s h -l help -d 'Show the commands'
complete -c dazaictl -n __dazaictl_no_command -s V -l version -d 'Show the version'
complete -c dazaictl -n __dazaictl_no_command -s s -l socket -rF \
    -d "The daemon's heartbeat socket"

complete -c dazaictl -n __dazaictl_no_command -a status \
    -d 'Say who guards, and how things are'
complete -c dazaictl -n __dazaictl_no_command -a arm -d 'Arm the daemon, for good'
complete -c dazaictl -n __dazaictl_no_command -a panic -d 'Trigger a panic'
complete -c dazaictl -n __dazaictl_no_command -a put -d 'Store a secret'
complete -c dazaictl -n __dazaictl_no_command -a get \
    -d 'Write a secret to standard output'
complete -c dazaictl -n __dazaictl_no_command -a del -d 'Wipe a secret'
complete -c dazaictl -n __dazaictl_no_command -a list -d 'Tell of every secret'
complete -c dazaictl -n __dazaictl_no_command -a run \
    -d 'Run a program that a panic kills'

complete -c dazaictl -n __dazaictl_no_command -a tethers \
    -d 'List what the session depends on'
complete -c dazaictl -n __dazaictl_no_command -a release \
    -d 'Take a tether out of the session'
complete -c dazaictl -n __dazaictl_no_command -a watch -d 'Print events'
complete -c dazaictl -n __dazaictl_no_command -a wait -d 'Wait for an event'

complete -c dazaictl -n '__dazaictl_command status' -s l \
    -d "The daemon's line, for scripts"
complete -c dazaictl -n '__dazaictl_command panic; and __dazaictl_no_argument' \
    -a hard -d 'At once, without grace'
complete -c dazaictl -n '__dazaictl_command panic' -s w -d 'Wait for the end'
complete -c dazaictl -n '__dazaictl_command release; and __dazaictl_no_argument' \
    -a '(__dazaictl_names tethers)' -d Tether
complete -c dazaictl -n '__dazaictl_command wait; and __dazaictl_no_argument' \
    -a 'guarded lost released pending cancelled armed put got gone bye'
complete -c dazaictl -n '__dazaictl_command put' -s n -x \
    -d 'Wipe after so many reads'
complete -c dazaictl -n '__dazaictl_command put' -s t -x \
    -d 'Wipe after so many seconds'
complete -c dazaictl -n '__dazaictl_command get' -s f -d 'To a terminal, too'
complete -c dazaictl -n '__dazaictl_command get del; and __dazaictl_no_argument' \
    -a '(__dazaictl_names list)' -d Secret
complete -c dazaictl -n '__dazaictl_command run' -a '(__dazaictl_run)'
