# SPDX-License-Identifier: ISC
# Completion of dazai-hb(1) for fish(1).

# The words after "--", a command.
function __dazai_hb_command
    set -l words (commandline -opc)
    set -l at (contains -i -- -- $words)
    or return
    set words $words[(math $at + 1)..] (commandline -ct)
    complete -C (string join ' ' -- (string escape -- $words[..-2]) $words[-1])
end

function __dazai_hb_option
    not contains -- -- (commandline -opc)
end

function __dazai_hb_tethers
    dazaictl tethers 2>/dev/null | string replace -r ' .*' ''
end

complete -c dazai-hb -f
complete -c dazai-hb -n 'not __dazai_hb_option' -a '(__dazai_hb_command)'
complete -c dazai-hb -n __dazai_hb_option -s b -l background -d 'Go into the background once it guards'
complete -c dazai-hb -n __dazai_hb_option -s h -l help -d 'Show the options'
complete -c dazai-hb -n __dazai_hb_option -s i -l interval -x -d 'Seconds between PINGs'
complete -c dazai-hb -n __dazai_hb_option -s n -l tether -x -a '(__dazai_hb_tethers)' \
    -d 'Hold this tether'
complete -c dazai-hb -n __dazai_hb_option -s p -l watch-pid -x -a '(__fish_complete_pids)' \
    -d 'End when this process ends'
complete -c dazai-hb -n __dazai_hb_option -s q -l quiet -d 'Print errors only'
complete -c dazai-hb -n __dazai_hb_option -s s -l socket -rF -d 'The heartbeat socket'
complete -c dazai-hb -n __dazai_hb_option -s v -l verbose -d 'Print more'
complete -c dazai-hb -n __dazai_hb_option -s V -l version -d 'Show the version'
complete -c dazai-hb -n __dazai_hb_option -s w -l watch-path -rF -d 'End when this path is gone'
complete -c dazai-hb -n __dazai_hb_option -s W -l wait -x -d 'Seconds to wait for the daemon'
