# SPDX-License-Identifier: ISC
#
# dazai.fish: ties the secrets of dazaid(8) to this shell.  Source it from config.fish:
#
#	source /usr/local/share/dazai/dazai.fish
#
# It does the same for fish as dazai.sh, beside it, for the other shells, with the same
# messages and variables.  The comments in dazai.sh give the reasons.

status is-interactive
or return 0

# The completions that are installed beside this file: fish looks under /usr/local only if
# XDG_DATA_DIRS says so.
set -l completions (builtin realpath (status dirname)/../fish/vendor_completions.d 2>/dev/null)
contains -- "$completions" $fish_complete_path
or set -ga fish_complete_path $completions

# Prints the current value for DAZAI_GUARD_AT.
function _dazai_where
    echo "$DAZAI_SOCK $XDG_RUNTIME_DIR "(_dazai_tether)
end

# The tether to hold; empty for the exclusive heartbeat.
function _dazai_tether
    set -q DAZAI_TETHER
    and echo $DAZAI_TETHER
    or echo session
end

# Succeeds if the dazai-hb of DAZAI_GUARD lives, is no zombie, and belongs to this daemon
# and tether.
function _dazai_alive
    set -g _dazai_hb (string match -r '\d+$' -- "$DAZAI_GUARD")
    or return 1
    set -q DAZAI_GUARD_AT
    and test "$DAZAI_GUARD_AT" != (_dazai_where)
    and return 1
    # cat, because fish reports a missing file of a redirection in spite of 2>/dev/null.
    set -l line (cat /proc/$_dazai_hb/stat 2>/dev/null)
    and string match -qr "^$_dazai_hb \(dazai-hb\) [^ZX]" -- $line
end

# Succeeds if the guarded process is this shell.
function _dazai_own
    string match -q -- "$fish_pid *" "$DAZAI_GUARD"
end

# The number of the controlling terminal of a process.
function _dazai_terminal
    cat /proc/$argv[1]/stat 2>/dev/null | string replace -r '^.*\) \S+ \S+ \S+ \S+ (\S+).*' '$1'
end

# As in dazai.sh.
function _dazai_covered
    _dazai_alive
    or return 1
    set -l tether (_dazai_tether)
    _dazai_own
    or test -z "$tether"
    and return
    set -l theirs (_dazai_terminal (string match -r '^\d+' -- "$DAZAI_GUARD"))
    set -l ours (_dazai_terminal $fish_pid)
    test "$theirs" = "$ours"
end

# Only the shell itself sends fish_exit: fish has no subshells.
function _dazai_exit --on-event fish_exit
    _dazai_own
    and _dazai_alive
    and command kill -TERM $_dazai_hb 2>/dev/null
end

# As in dazai.sh; prints the output of dazai-hb.
function _dazai_start
    set -l hb dazai-hb
    test -n "$DAZAI_HB"
    and set hb $DAZAI_HB
    if not command -q $hb
        echo "$hb: not found"
        return
    end
    if test "$argv" = start; and not _dazai_maybe
        echo ': no daemon'
        return
    end
    set -l tether (_dazai_tether)
    test -n "$tether"
    and set tether -n $tether
    or set tether
    command $hb -b -p $fish_pid $tether 2>&1
end

# As in dazai.sh.
function _dazai_maybe
    if set -q DAZAI_SOCK
        test -z "$DAZAI_SOCK" -o -e "$DAZAI_SOCK"
        return
    end
    set -l found $XDG_RUNTIME_DIR/dazai-*.sock /run/user/*/dazai-*.sock /tmp/dazai-*/dazai-*.sock
    set -q found[1]
end

# As in dazai.sh.
function _dazai_ask
    set -e DAZAI_GUARD
    set -e DAZAI_GUARD_AT
    set -l line (_dazai_start $argv | string collect)
    set -l by (string match -r 'by dazai-hb (\d+) for process (\d+) .*' -- "$line")
    if string match -q "*: guarding $fish_pid with dazaid *: pid *" -- "$line"
        set -gx DAZAI_GUARD "$fish_pid "(string match -r '\d+$' -- "$line")
    else if set -q by[3]
        set -gx DAZAI_GUARD "$by[3] $by[2]"
        _dazai_own
        or echo "dazai: session guarded already, $by[1]" >&2
    else
        _dazai_failed "$line" $argv
        return 1
    end
    set -gx DAZAI_GUARD_AT (_dazai_where)
    test -z "$DAZAI_VERBOSE"
    or dazai_status >&2
end

# As in dazai.sh.
function _dazai_failed --argument-names line why
    switch "$line"
        case '*: guarded already*'
            echo 'dazai: session guarded already, by nobody whom this shell can watch' >&2
        case '*: no room for one more holder*'
            echo "dazai: this shell does not hold the session: $line" >&2
        case '*: no daemon*'
            if test "$why" = start
                test -n "$DAZAI_QUIET"
                or echo 'dazai: no daemon; session UNGUARDED' >&2
            else if test "$why" != dazaid
                echo "dazai: session UNGUARDED: $line" >&2
            end
        case ''
            echo 'dazai: session UNGUARDED: no answer' >&2
        case '*'
            echo "dazai: session UNGUARDED: $line" >&2
    end
end

# Sets _dazai_answer to the output of dazaictl for the command in the arguments, as a list
# of lines.
function _dazai_ctl
    set -l ctl dazaictl
    test -n "$DAZAI_CTL"
    and set ctl $DAZAI_CTL
    set -g _dazai_answer "$ctl: not found"
    command -q $ctl
    or return 1
    set -g _dazai_answer (command $ctl $argv 2>&1)
end

# As in dazai.sh.
function _dazai_query
    _dazai_ctl status -l
    and string match -q 'STATUS *' -- "$_dazai_answer"
    and return
    set -g _dazai_answer $_dazai_answer[1]
    test -n "$_dazai_answer"
    or set -g _dazai_answer 'no answer'
    return 1
end

# Prints the value of a field in the daemon's state.
function _dazai_field
    string replace -rf "^.* $argv[1]=(\S*).*" '$1' -- "$_dazai_answer"
end

# Asks for the tethers.  Sets _dazai_held to those that are held, each with the number of
# its holders, and _dazai_lost to those that are lost.
function _dazai_tethers
    set -g _dazai_held
    set -g _dazai_lost
    _dazai_ctl tethers
    or return 0
    set _dazai_held (printf '%s\n' $_dazai_answer | string replace -rf '^(\S+) (\d+) held .*' '$1 ($2)' | string join ', ')
    set _dazai_lost (printf '%s\n' $_dazai_answer | string replace -rf '^(\S+) \d+ lost .*' '$1' | string join ', ')
    return 0
end

function dazai_guard --description 'Guard this session, if it is not guarded'
    _dazai_covered
    or _dazai_ask $argv
end

function dazaid --wraps dazaid --description 'Start dazaid, and guard this session'
    # With a command, the session of that daemon is the command's, not ours.
    if test -z "$_dazai_holds"; or contains -- -- $argv
        command dazaid $argv
        return
    end
    DAZAI_SHELL=$fish_pid command dazaid $argv
    or return
    dazai_guard dazaid
    or true
end

function dazai_status --description 'Ask the daemon for the state of this session'
    if not _dazai_query
        echo "dazai: session UNGUARDED: $_dazai_answer"
        return 1
    end
    if test (_dazai_field pending) != 0
        set -l left (_dazai_field left)
        _dazai_tethers
        if test -n "$_dazai_lost"
            echo "dazai: PANIC PENDING: in $left s, lost: $_dazai_lost; to cancel it: hold what is lost, and dazai_cancel"
        else
            echo "dazai: PANIC PENDING: in $left s; to cancel it: dazai_cancel"
        end
        return 1
    end
    if test (_dazai_field guarded) != 1
        echo 'dazai: session UNGUARDED'
        return 1
    end
    if _dazai_covered
        set -l of
        _dazai_own
        or set of " for process "(string match -r '^\d+' -- $DAZAI_GUARD)
        echo "dazai: session guarded by dazai-hb $_dazai_hb$of"
    else
        _dazai_tethers
        echo "dazai: session guarded, not by this shell: $_dazai_held"
    end
end

# As in dazai.sh.
function _dazai_hears
    _dazai_covered
    and isatty stderr
    and test -w /dev/stderr
    # As mesg(1) does, which Debian 14 does not install by itself.
    and string match -qr '^.{5}w' -- (command ls -lL /dev/stderr)
end

function dazai_cancel --description 'Cancel a pending panic'
    if not _dazai_query
        echo "dazai: not cancelled: $_dazai_answer" >&2
        return 1
    end
    if test (_dazai_field pending) = 0
        echo 'dazai: no panic is pending' >&2
        return 0
    end
    if not _dazai_alive; or not command kill -USR1 $_dazai_hb 2>/dev/null
        echo 'dazai: not cancelled: this shell does not guard the session; dazai_guard first' >&2
        return 1
    end
    for try in (seq 20)
        _dazai_query
        or break
        if test (_dazai_field pending) = 0
            _dazai_hears
            or echo 'dazai: panic cancelled' >&2
            return 0
        end
        _dazai_tethers
        if test -n "$_dazai_lost"
            echo "dazai: not cancelled: tether $_dazai_lost is lost" >&2
            return 1
        end
        command sleep 0.1
    end
    dazai_status >&2
    return 1
end

# Succeeds if this shell was started to run one command.
function _dazai_command
    test -r /proc/$fish_pid/cmdline
    or return
    set -l words (string split0 </proc/$fish_pid/cmdline)
    argparse -i -s c/command= C/init-command= d/debug= o/debug-output= D/debug-stack-frames= f/features= p/profile= i/interactive l/login n/no-execute N/no-config P/private h/help v/version -- $words[2..] 2>/dev/null
    # Any other argument is a script.
    set -q _flag_command
    or test (count $argv) -gt 0
end

# As in dazai.sh.
function _dazai_look
    set -g _dazai_holds
    set -g _dazai_in
    test -z "$ZELLIJ"
    or set _dazai_in zellij
    test -z "$STY"
    or set _dazai_in screen
    test -z "$TMUX"
    or set _dazai_in tmux
    test -t 0
    and not _dazai_command
    or return
    test -n "$_dazai_in"
    or set _dazai_holds 1
    return 0
end

# Guards this shell at its start, if it is one that the session depends on.
function _dazai_begin
    if not _dazai_look
        return
    end
    if test -n "$_dazai_holds"; or _dazai_covered
        dazai_guard start
    else if not set -q _dazai_told
        set -g _dazai_told 1
        _dazai_inside
    end
end

# Says that a shell inside $_dazai_in does not hold the session by itself, and what does.
function _dazai_inside
    set -g _dazai_answer ': no daemon'
    if not _dazai_maybe; or not _dazai_query
        _dazai_failed "$_dazai_answer" start
        return 1
    end
    _dazai_tethers
    test -n "$_dazai_held"
    or set _dazai_held nobody
    echo "dazai: inside $_dazai_in, this shell does not hold the session: $_dazai_held does; dazai_guard holds it all the same" >&2
end

_dazai_begin
or true
