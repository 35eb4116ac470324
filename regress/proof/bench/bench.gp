# SPDX-License-Identifier: ISC
# Draws the figures beside their goals, and how long the end takes.  bench.sh runs it in
# the directory with the data, and sets title and out.
set terminal svg size 960,760 font 'sans-serif,13' background 'white'
set output out
set datafile separator '\t'
set multiplot title title font ',13'

set origin 0, 0.42
set size 1, 0.54
set title 'how much of what its goal allows each figure takes'
set xrange [0:2]
set yrange [0.3:*] reverse
set ytics () nomirror
set xtics nomirror format '%.0f %%'
set xtics ('0' 0, '50 %%' 0.5, 'the goal' 1, '150 %%' 1.5, '200 %% and more' 2)
set grid x
set border 3
set boxwidth 0.7
set style fill solid
set lmargin 44
set rmargin 12
unset key
plot 'goals' using (0):1:(0):($4 > 2 ? 2 : $4):($1 - 0.36):($1 + 0.36): \
    ($4 > 1 ? 0xe6a19d : 0x9dc3e6):yticlabels(2) with boxxyerror \
    linecolor rgb variable, \
    '' using (0.02):1:3 with labels left textcolor rgb "#202020" font ',11'

set origin 0, 0
set size 1, 0.42
set lmargin 10
set rmargin 6
set title 'from the close(2) of the heartbeat to the death of the vault: part of all runs'
set xtics auto format '%g'
set ytics auto
set autoscale
set yrange [0:1]
set ytics 0.25
set logscale x
set xlabel 'microseconds'
set key outside below horizontal
plot 'dazaid' with steps lw 2 lc rgb '#4f81bd' title 'dazaid', \
    'dazaid, wiped' with steps lw 2 dt 2 lc rgb '#4f81bd' \
    title 'dazaid: the secrets are wiped', \
    'two-process floor' with steps lw 2 lc rgb '#77933c' \
    title 'two-process floor', \
    'one-process floor' with steps lw 2 lc rgb '#999999' \
    title 'one-process floor'
unset multiplot
