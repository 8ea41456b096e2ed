// Numbers and times for people.

export function bytesText(bytes) {
  if (bytes < 1000) return `${Math.round(bytes)} B`;
  for (const unit of ["kB", "MB", "GB"]) {
    bytes /= 1000;
    if (bytes < 1000 || unit === "GB") return `${bytes.toPrecision(3)} ${unit}`;
  }
  return "";
}
export const byteRateText = (rate) => (rate > 0 ? `${bytesText(rate)}/s` : "–");

export function msText(ms) {
  const size = Math.abs(ms);
  if (size >= 10_000) return `${(ms / 1000).toFixed(1)} s`;
  const text = ms.toFixed(size >= 100 ? 0 : size >= 10 ? 1 : 2);
  return `${Number(text) === 0 ? text.replace("-", "") : text} ms`;
}

/** Two of them, in one unit where that is readable: "5.15 / 5.19 ms". */
export function msPairText(first, sign, second) {
  const [a, b] = [msText(first), msText(second)];
  const unit = b.slice(b.indexOf(" "));
  return a.endsWith(unit) ? `${a.slice(0, -unit.length)} ${sign} ${b}` : `${a} ${sign} ${b}`;
}

export function ageText(ms) {
  const seconds = Math.floor(ms / 1000);
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 48 * 3600) return `${Math.floor(seconds / 3600)} h`;
  return `${Math.floor(seconds / 86400)} d`;
}

export function rateText(rate) {
  if (!(rate >= 0.05)) return "–";
  return rate >= 100 ? rate.toFixed(0) : rate.toFixed(1);
}

export const percentText = (share) => `${(100 * share).toFixed(share > 0 && share < 0.1 ? 2 : 1)} %`;

/** "PATH_CHANGED" becomes "path changed". */
export const wordText = (name) => name.toLowerCase().replaceAll("_", " ");
