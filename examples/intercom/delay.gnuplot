# Draws the delays of each voice frame, for both directions.
#   gnuplot -e "out='delay.png'; left='door_to_kitchen.csv'; left_title='door to kitchen'; right='...';
#               right_title='...'; subtitle='...'" delay.gnuplot
set terminal pngcairo size 1200,760 font "sans,11" background rgb "white"
set output out
set datafile separator ","
set datafile missing ""

set style line 1 lc rgb "#1f5fa8" pt 7 ps 0.5
set style line 2 lc rgb "#e08a00" pt 9 ps 1.2
set style line 3 lc rgb "#c8102e" pt 2 ps 0.9 lw 1.6
set style line 4 lc rgb "#303030" lw 1.4
set style line 5 lc rgb "#8a8a8a" lw 5
set style line 6 lc rgb "#2e8b57" pt 4 ps 1.0 lw 1.4
set style line 10 lc rgb "#e4e4e4" lw 1
set grid back ls 10
set border 3 lc rgb "#606060"
set tics nomirror out
set ylabel "since its capture [ms]"
# The ground is for what has no delay.
set yrange [-6:*]
set key above right horizontal samplen 2 font ",10"

# Both panels from the first to the last capture of either.
stats left using (column(2) / 1000) every ::1 nooutput
last = STATS_max
stats right using (column(2) / 1000) every ::1 nooutput
set xrange [0:(STATS_max > last ? STATS_max : last)]

at(fate, value) = strcol(7) eq fate ? value : NaN

set multiplot layout 2,1 title "Intercom: each 20 ms voice frame, through the network and to the ear\n".subtitle noenhanced
do for [panel = 1:2] {
  file = panel == 1 ? left : right
  set title (panel == 1 ? left_title : right_title) offset 0,-0.8 font ",12"
  if (panel == 2) { set xlabel "captured at [s]"; unset key }
  # Late frames are told by the jitter buffer, not handed out: their delay is not known.
  plot file using (column(2) / 1000):(at("played", column(3))) every ::1 with points ls 1 title "arrived", \
    file using (column(2) / 1000):(at("played", column(4))) every ::1 with steps ls 4 title "heard", \
    file using (column(2) / 1000):(at("concealed", -3)):(column(6) / 1000):(0) every ::1 with vectors nohead ls 5 title "filled", \
    file using (column(2) / 1000):(at("lost", 2)) every ::1 with points ls 3 title "lost", \
    file using (column(2) / 1000):(at("late", 6)) every ::1 with points ls 2 title "late", \
    file using (column(2) / 1000):(at("dropped", 6)) every ::1 with points ls 6 title "left out"
}
unset multiplot
