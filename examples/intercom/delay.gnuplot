# Draws the one-way delay of each voice frame, for both directions.
#   gnuplot -e "out='delay.png'; left='door_to_kitchen.csv'; left_title='door to kitchen'; right='...';
#               right_title='...'; playout=80; subtitle='...'" delay.gnuplot
set terminal pngcairo size 1200,760 font "sans,11" background rgb "white"
set output out
set datafile separator ","
set datafile missing ""

set style line 1 lc rgb "#1f5fa8" pt 7 ps 0.5
set style line 2 lc rgb "#e08a00" pt 9 ps 1.1
set style line 3 lc rgb "#c8102e" pt 2 ps 0.9 lw 1.6
set style line 4 lc rgb "#707070" dt 2 lw 1.3
set style line 10 lc rgb "#e4e4e4" lw 1
set grid back ls 10
set border 3 lc rgb "#606060"
set tics nomirror out
set ylabel "one-way delay [ms]"
# The playout line stays in the picture, and so does every frame.
set yrange [0:(1.2 * playout)<*]
set key above right horizontal samplen 3 font ",10"

delay_of(fate) = strcol(4) eq fate ? column(3) : NaN

set multiplot layout 2,1 title "Intercom: one-way delay of each 20 ms voice frame\n".subtitle noenhanced
do for [panel = 1:2] {
  file = panel == 1 ? left : right
  set title (panel == 1 ? left_title : right_title) offset 0,-0.8 font ",12"
  if (panel == 2) { set xlabel "captured at [s]"; unset key }
  plot playout with lines ls 4 title "playout", \
    file using (column(2) / 1000):(delay_of("played")) every ::1 with points ls 1 title "played", \
    file using (column(2) / 1000):(delay_of("late")) every ::1 with points ls 2 title "late", \
    file using (column(2) / 1000):(strcol(4) eq "lost" ? 2 : NaN) every ::1 with points ls 3 title "lost"
}
unset multiplot
