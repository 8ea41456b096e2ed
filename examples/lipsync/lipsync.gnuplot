# Draws the delays of both tracks in each viewing, and how far apart they were played.
#   gnuplot -e "out='lipsync.png'; folder='out/demo-lipsync'; subtitle='network: ...'" lipsync.gnuplot
set terminal pngcairo size 1200,1000 font "sans,11" background rgb "white"
set output out
set datafile separator ","
set datafile missing ""

set style line 1 lc rgb "#9db8d9" pt 7 ps 0.35
set style line 2 lc rgb "#f0c080" pt 7 ps 0.35
set style line 3 lc rgb "#1f5fa8" lw 2
set style line 4 lc rgb "#d07000" lw 2
set style line 5 lc rgb "#2e8b57" pt 7 ps 0.5
set style line 6 lc rgb "#c8102e" pt 7 ps 0.5
set style line 7 lc rgb "#707070" dt 2 lw 1.3
set style line 10 lc rgb "#e4e4e4" lw 1
set grid back ls 10
set border 3 lc rgb "#606060"
set tics nomirror out
set key outside above right horizontal samplen 3 width -1 font ",10"

# Columns: sequence, captured, arrived, playout, handed out, bytes, skew.
seconds(column_number) = column(column_number) / 1000
since_capture(column_number) = column(column_number) - column(2)

stats folder."/together_video.csv" using (since_capture(4)) every ::1 nooutput name "together"
stats folder."/alone_video.csv" using (since_capture(4)) every ::1 nooutput name "alone"
highest = 1.1 * (together_max > alone_max ? together_max : alone_max)

set multiplot layout 3,1 title "Lip sync: a voice and pictures over one bad link\n".subtitle noenhanced
set ylabel "since capture [ms]"
set yrange [0:highest]
do for [viewing in "together alone"] {
  set label 1 (viewing eq "together" ? "both tracks in one sync group" : "each track by itself") at graph 0,1.08 font ",12"
  voice = folder."/".viewing."_voice.csv"
  video = folder."/".viewing."_video.csv"
  plot video using (seconds(2)):(since_capture(3)) every ::1 with points ls 2 title "picture arrived", \
    voice using (seconds(2)):(since_capture(3)) every ::1 with points ls 1 title "voice arrived", \
    voice using (seconds(2)):(since_capture(4)) every ::1 with lines ls 3 title "voice played", \
    video using (seconds(2)):(since_capture(4)) every ::1 with lines ls 4 title "picture played"
}
set label 1 "the picture behind the sound" at graph 0,1.08 font ",12"
set ylabel "skew [ms]"
set xlabel "captured at [s]"
set yrange [*:60<*]
plot folder."/alone_video.csv" using (seconds(2)):7 every ::1 with points ls 6 title "each by itself", \
  folder."/together_video.csv" using (seconds(2)):7 every ::1 with points ls 5 title "in one sync group", \
  45 with lines ls 7 title "noticed from here on"
unset multiplot
