// Figures for people, in powers of ten, as the terminal shows them.
const UNITS = ["B", "kB", "MB", "GB", "TB"];

export function bytes(count) {
  let unit = 0;
  while (count >= 999.5 && unit < UNITS.length - 1) { count /= 1000; unit += 1; }
  return `${count.toFixed(unit && count < 99.95 ? 1 : 0)} ${UNITS[unit]}`;
}

export const rate = (bytesPerSecond) => `${bytes(bytesPerSecond)}/s`;
