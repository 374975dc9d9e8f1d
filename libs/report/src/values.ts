/** Four significant digits: enough to compare, short enough to read. */
export function formatMetric(value: number): string {
  return Number.isFinite(value) ? Number(value.toPrecision(4)).toString() : String(value);
}

/** `3,214`. */
export function formatCount(value: number): string {
  return Math.round(value).toLocaleString("en-US");
}

/** `3.4 MB`. */
export function formatBytes(numBytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let value = numBytes;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`;
}

/** `4.27 s`, `12:03 min`, `1:02:03 h`: three digits where a run is short. */
export function formatTimeTaken(milliseconds: number): string {
  if (milliseconds < 59_950) return `${Number((milliseconds / 1_000).toPrecision(3))} s`;
  const total = Math.round(milliseconds / 1_000);
  const two = (value: number): string => String(value).padStart(2, "0");
  const [hours, minutes, seconds] = [Math.floor(total / 3_600), Math.floor(total / 60) % 60, total % 60];
  return hours > 0 ? `${hours}:${two(minutes)}:${two(seconds)} h` : `${minutes}:${two(seconds)} min`;
}

/** A share (0..1) as `0.3 %`, `7.2 %`, `20 %`. */
export function formatShare(share: number): string {
  return `${Number((100 * share).toPrecision(2))} %`;
}

/** `1.9x`. */
export function formatRatio(ratio: number): string {
  return `${ratio.toFixed(ratio < 1.1 ? 2 : 1)}x`;
}
