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

# The words after "run" and its own options: the program and its arguments.
function __dazaictl_program
    set -l words (__dazaictl_words)
    argparse -s e= f= i= h/help -- $words[2..] 2>/dev/null
    and string join -- \n $argv
end

function __dazaictl_run_option
    __dazaictl_command run
    and test (count (__dazaictl_program)) -eq 0
end

# Does an option of "run" still lack its value?
function __dazaictl_run_value
    string match -qr '^-[efi]$' -- (commandline -opc)[-1]
end

# A program, or what that program wants.
function __dazaictl_run
    __dazaictl_run_value
    and return
    set -l words (__dazaictl_program) (commandline -ct)
    complete -C (string join ' ' -- (string escape -- $words[..-2]) $words[-1])
end

# The names of secrets, each after the "VAR=" or "FD=" that is typed.
function __dazaictl_pairs
    set -l typed (string match -r '^(?:-[ef])?([^=]*=)' -- (commandline -ct))
    and printf '%s\n' $typed[2](__dazaictl_names list)
end

# Does "put" replace a secret?
function __dazaictl_replaces
    __dazaictl_command put
    and string match -qr '^-[^-]*r' -- (commandline -opc)
end

complete -c dazaictl -f
complete -c dazaictl -n __dazaictl_no_command -s h -l help -d 'Show the commands'
complete -c dazaictl -n __dazaictl_no_command -s V -l version -d 'Show the version'
complete -c dazaictl -n __dazaictl_no_command -s s -l socket -rF \
    -d "The daemon's heartbeat socket"

set -l commands \
    status 'Say who guards the session, and how the daemon is' \
    arm 'From now on a panic kills' \
    panic 'Wipe the secrets, after the grace or at once' \
    put 'Store a secret' \
    get 'Write a secret to standard output' \
    del 'Wipe a secret, or every secret' \
    list 'List the secrets' \
    load 'Store the secrets that a file names' \
    run 'Run a program, with secrets, that a panic kills' \
    tethers 'List the conditions of the session' \
    release 'Take a tether out of the session' \
    watch 'Print what happens' \
    wait 'Wait for an event' \
    why 'Say when and why the last daemon ended' \
    help 'Explain a command'
for i in (seq 1 2 (count $commands))
    complete -c dazaictl -n __dazaictl_no_command -a $commands[$i] -d $commands[(math $i + 1)]
    complete -c dazaictl -n '__dazaictl_command help; and __dazaictl_no_argument' -a $commands[$i]
end

complete -c dazaictl -n 'not __dazaictl_no_command; and not __dazaictl_command run' \
    -s h -l help -d 'Explain the command'
complete -c dazaictl -n __dazaictl_run_option -s h -l help -d 'Explain the command'
complete -c dazaictl -n '__dazaictl_command status list tethers why' -s l -l lines \
    -d "The daemon's answer as it is"
complete -c dazaictl -n '__dazaictl_command status list tethers watch why' -l json -d 'As JSON'
complete -c dazaictl -n '__dazaictl_command panic; and __dazaictl_no_argument' \
    -a hard -d 'At once, without grace'
complete -c dazaictl -n '__dazaictl_command panic' -s w -d 'Wait for the end'
complete -c dazaictl -n '__dazaictl_command release; and __dazaictl_no_argument' \
    -a '(__dazaictl_names tethers)' -d Tether
complete -c dazaictl -n '__dazaictl_command wait; and __dazaictl_no_argument' \
    -a 'guarded lost released pending cancelled armed put got gone bye'
complete -c dazaictl -n '__dazaictl_command put load' -s 1 -d 'Ask only once for a secret that is typed'
complete -c dazaictl -n '__dazaictl_command put load' -s r -d 'Replace an existing secret'
complete -c dazaictl -n '__dazaictl_command put' -s n -x \
    -d 'Wipe it after this number of reads'
complete -c dazaictl -n '__dazaictl_command put' -s t -x \
    -d 'Wipe it after this number of seconds'
complete -c dazaictl -n __dazaictl_replaces -a '(__dazaictl_names list)' -d Secret
complete -c dazaictl -n '__dazaictl_command load; and __dazaictl_no_argument' -F
complete -c dazaictl -n '__dazaictl_command get' -s f -d 'To a terminal, too'
complete -c dazaictl -n '__dazaictl_command del' -l all -d 'Every secret'
complete -c dazaictl -n '__dazaictl_command get del; and __dazaictl_no_argument' \
    -a '(__dazaictl_names list)' -d Secret
complete -c dazaictl -n __dazaictl_run_option -s e -x -a '(__dazaictl_pairs)' \
    -d 'A secret in its environment'
complete -c dazaictl -n __dazaictl_run_option -s f -x -a '(__dazaictl_pairs)' \
    -d 'A secret on a descriptor'
complete -c dazaictl -n __dazaictl_run_option -s i -x -a '(__dazaictl_names list)' \
    -d 'A secret on standard input'
complete -c dazaictl -n '__dazaictl_command run' -a '(__dazaictl_run)'
