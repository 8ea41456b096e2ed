// Curves over the last minute, on a canvas.

const kSeconds = 60;
const kLeft = 46;
const kRight = 8;
const kTop = 20;
const kBottom = 16;

/** Steps of 1, 2 or 5 times a power of ten, about `count` of them. */
function stepOf(span, count) {
  const rough = span / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  return [1, 2, 5, 10].map((factor) => factor * power).find((step) => step >= rough) ?? rough;
}

function rangeOf(plot, from) {
  let least = Infinity;
  let most = -Infinity;
  const see = (value) => {
    if (!Number.isFinite(value)) return;
    least = Math.min(least, value);
    most = Math.max(most, value);
  };
  for (const one of plot.curves) for (const [at, value] of one.points) if (at >= from) see(value);
  for (const [at, low, high] of plot.band?.points ?? []) if (at >= from) (see(low), see(high));
  if (least > most) return undefined;
  if (plot.fromZero) least = Math.min(least, 0);
  const room = (most - least || Math.abs(most) || 1) * 0.08;
  return [plot.fromZero && least === 0 ? 0 : least - room, most + room];
}

/**
 * Draws {curves: [{name, colour, points: [[ms, value]], unit}], band: {colour, points: [[ms, low, high]]}, marks: [ms],
 * fromZero, empty} as it stands at `now` (ms). Colours are names of CSS variables.
 */
export function drawPlot(canvas, plot, now) {
  const style = getComputedStyle(canvas);
  const colour = (name) => style.getPropertyValue(`--${name}`).trim();
  const scale = window.devicePixelRatio || 1;
  const width = canvas.clientWidth;
  const height = canvas.clientHeight;
  if (width === 0 || height === 0) return;
  canvas.width = Math.round(width * scale);
  canvas.height = Math.round(height * scale);
  const pen = canvas.getContext("2d");
  pen.scale(scale, scale);
  pen.font = `11px ${style.fontFamily}`;
  const from = now - kSeconds * 1000;
  const range = rangeOf(plot, from);
  if (!range) {
    pen.fillStyle = colour("quiet");
    pen.textAlign = "center";
    pen.fillText(plot.empty, width / 2, height / 2);
    return;
  }
  const x = (at) => kLeft + ((at - from) / (kSeconds * 1000)) * (width - kLeft - kRight);
  const y = (value) =>
    height - kBottom - ((value - range[0]) / (range[1] - range[0])) * (height - kTop - kBottom);
  drawAxes(pen, {x, y, range, now, width, height, colour});
  pen.save();
  pen.beginPath();
  pen.rect(kLeft, kTop - 2, width - kLeft - kRight, height - kTop - kBottom + 4);
  pen.clip();
  drawBand(pen, plot.band, from, x, y, colour);
  drawMarks(pen, plot.marks ?? [], from, x, height, colour);
  for (const curve of plot.curves) drawCurve(pen, curve, from, x, y, colour);
  pen.restore();
  drawLegend(pen, plot.curves, colour);
}

function drawAxes(pen, {x, y, range, now, width, height, colour}) {
  pen.strokeStyle = colour("line");
  pen.fillStyle = colour("quiet");
  pen.lineWidth = 1;
  pen.textAlign = "right";
  pen.textBaseline = "middle";
  const step = stepOf(range[1] - range[0], Math.max(4, (height - kTop - kBottom) / 26));
  const digits = Math.max(0, Math.min(4, -Math.floor(Math.log10(step) + 1e-9)));
  pen.beginPath();
  for (let value = Math.ceil(range[0] / step) * step; value <= range[1]; value += step) {
    const at = Math.round(y(value)) + 0.5;
    pen.moveTo(kLeft, at);
    pen.lineTo(width - kRight, at);
    pen.fillText((Math.abs(value) < step / 2 ? 0 : value).toFixed(digits), kLeft - 5, at);
  }
  pen.stroke();
  pen.textBaseline = "alphabetic";
  pen.textAlign = "center";
  for (const seconds of [60, 45, 30, 15])
    pen.fillText(`−${seconds} s`, Math.max(x(now - seconds * 1000), kLeft + 14), height - 3);
  pen.textAlign = "right";
  pen.fillText("now", x(now), height - 3);
}

function drawBand(pen, band, from, x, y, colour) {
  const points = (band?.points ?? []).filter(([at]) => at >= from - 5000);
  if (points.length < 2) return;
  pen.fillStyle = colour(band.colour);
  pen.globalAlpha = 0.18;
  pen.beginPath();
  for (const [at, , high] of points) pen.lineTo(x(at), y(high));
  for (const [at, low] of [...points].reverse()) pen.lineTo(x(at), y(low));
  pen.fill();
  pen.globalAlpha = 1;
}

function drawMarks(pen, marks, from, x, height, colour) {
  pen.strokeStyle = colour("bad");
  pen.lineWidth = 2;
  pen.beginPath();
  for (const at of marks.filter((one) => one >= from)) {
    pen.moveTo(x(at), height - kBottom);
    pen.lineTo(x(at), height - kBottom - 7);
  }
  pen.stroke();
}

function drawCurve(pen, curve, from, x, y, colour) {
  pen.strokeStyle = colour(curve.colour);
  pen.lineWidth = 1.6;
  pen.lineJoin = "round";
  pen.beginPath();
  for (const [at, value] of curve.points) {
    if (at >= from - 5000 && Number.isFinite(value)) pen.lineTo(x(at), y(value));
  }
  pen.stroke();
}

function legendNumber(value) {
  const size = Math.abs(value);
  return value.toFixed(size >= 100 ? 0 : size >= 10 ? 1 : 2);
}

function drawLegend(pen, curves, colour) {
  pen.textAlign = "left";
  pen.textBaseline = "middle";
  let at = kLeft;
  for (const curve of curves) {
    const last = curve.points.at(-1)?.[1];
    const text = `${curve.name} ${Number.isFinite(last) ? legendNumber(last) : ""} ${curve.unit}`;
    pen.fillStyle = colour(curve.colour);
    pen.fillRect(at, 8, 10, 3);
    pen.fillStyle = colour("text");
    pen.fillText(text, at + 14, 10);
    at += 14 + pen.measureText(text).width + 10;
  }
}
