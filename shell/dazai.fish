# SPDX-License-Identifier: ISC
#
# dazai.fish: ties the secrets of dazaid(8) to this shell.  Source it from config.fish:
#
#	source /usr/local/share/dazai/dazai.fish
#
# It does for fish what dazai.sh, beside it, does for the other shells, with the same
# messages and the same variables.  dazai.sh gives the reasons.

status is-interactive
or return 0

# Succeeds if the dazai-hb of DAZAI_GUARD lives, is no zombie, and holds the heartbeat
# of this daemon.
function _dazai_alive
    set -g _dazai_hb (string match -r '\d+$' -- "$DAZAI_GUARD")
    or return 1
    set -q DAZAI_GUARD_AT
    and test "$DAZAI_GUARD_AT" != "$DAZAI_SOCK $XDG_RUNTIME_DIR"
    and return 1
    # cat, because fish reports a missing file of a redirection in spite of 2>/dev/null.
    set -l line (cat /proc/$_dazai_hb/stat 2>/dev/null)
    and string match -qr "^$_dazai_hb \(dazai-hb\) [^ZX]" -- $line
end

# Succeeds if the guarded process is this shell.
function _dazai_own
    string match -q -- "$fish_pid *" "$DAZAI_GUARD"
end

# Only the shell itself sends fish_exit: fish has no subshells.
function _dazai_exit --on-event fish_exit
    _dazai_own
    and _dazai_alive
    and kill -TERM $_dazai_hb 2>/dev/null
end

# As in dazai.sh.
function _dazai_ask
    set -e DAZAI_GUARD
    set -e DAZAI_GUARD_AT
    set -l hb dazai-hb
    test -n "$DAZAI_HB"
    and set hb $DAZAI_HB
    set -l out (/bin/sh -c '
		command -v "$1" >/dev/null || { echo "0 $1: not found"; exit; }
		{
			"$1" -p "$2" </dev/null 2>&1 &
			echo "pid=$!"
		} | {
			read -r one
			read -r two
			case $two in
			pid=*)	printf "%s %s\n" "${two#*=}" "$one" ;;
			*)	printf "%s %s\n" "${one#*=}" "$two" ;;
			esac
		}' sh $hb $fish_pid | string split -m 1 " ")
    set -l line $out[2]
    set -l by (string match -r 'by dazai-hb (\d+) for process (\d+) .*' -- "$line")
    if string match -q "*: guarding $fish_pid with dazaid *" -- "$line"
        set -gx DAZAI_GUARD "$fish_pid $out[1]"
    else if set -q by[3]
        set -gx DAZAI_GUARD "$by[3] $by[2]"
        _dazai_own
        or echo "dazai: session guarded already, $by[1]" >&2
    else
        set -g _dazai_why "UNGUARDED: "(test -n "$line"; and echo $line; or echo no answer)
        string match -q '*: guarded already*' -- "$line"
        and set -g _dazai_why 'guarded already, by nobody whom this shell can watch'
        echo "dazai: session $_dazai_why" >&2
        return 1
    end
    set -gx DAZAI_GUARD_AT "$DAZAI_SOCK $XDG_RUNTIME_DIR"
    test -z "$DAZAI_VERBOSE"
    or dazai_status >&2
end

function dazai_guard --description 'Guard this session, if it is not guarded'
    _dazai_alive
    or _dazai_ask
end

function dazai_status --description 'Say who guards this session'
    if not _dazai_alive
        test -n "$DAZAI_GUARD"
        and set -g _dazai_why "UNGUARDED: dazai-hb $_dazai_hb has ended, or is another daemon's"
        test -n "$_dazai_why"
        or set -g _dazai_why UNGUARDED
        echo "dazai: session $_dazai_why"
        return 1
    end
    set -l of
    _dazai_own
    or set of " for process "(string match -r '^\d+' -- $DAZAI_GUARD)
    echo "dazai: session guarded by dazai-hb $_dazai_hb$of"
end

dazai_guard
or true
