# SPDX-License-Identifier: ISC
# Completion of dazai-logind(1) for fish(1).

complete -c dazai-logind -f
complete -c dazai-logind -s h -l help -d 'Show the options'
complete -c dazai-logind -l lock -x -a 'release empty ignore' \
    -d 'What to do when the screen is locked'
complete -c dazai-logind -s n -l tether -x -d 'Hold this tether'
complete -c dazai-logind -s q -l quiet -d 'Print warnings and errors only'
complete -c dazai-logind -s s -l socket -rF -d 'The heartbeat socket'
complete -c dazai-logind -s S -l session -x -d 'The session of the login manager'
complete -c dazai-logind -l sleep -x -a 'panic ignore' \
    -d 'What to do before the machine sleeps'
complete -c dazai-logind -s v -l verbose -d 'Print more'
complete -c dazai-logind -s V -l version -d 'Show the version'
complete -c dazai-logind -s W -l wait -x -d 'Seconds to wait for the daemon'
