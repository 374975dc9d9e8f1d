import { type GrantedMemory, memoryBudgetPattern } from "@anneal/contracts";

/** A budget in bytes, and how it came to be. */
export interface MemoryBudget {
  readonly bytes: number;
  /** `512 MiB`, `12 GiB: 50% of the 24 GiB of the machine`. */
  readonly inWords: string;
  /** What no budget can go beyond. */
  readonly grantedBytes: number;
}

const unitBytes: Readonly<Record<string, number>> = {
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
  TiB: 2 ** 40,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
};

/**
 * What a policy's budget (`512MiB`, `50%`) comes to where so much is granted: never more than that.
 *
 * @throws RangeError for a text that `memoryBudgetPattern` does not take
 */
export function resolveBudget(text: string, granted: GrantedMemory): MemoryBudget {
  const [, amount, unit = ""] = memoryBudgetPattern.exec(text) ?? [];
  if (amount === undefined) throw new RangeError(`"${text}" is no amount of memory`);
  const isShare = unit === "%";
  const asked = Math.floor(Number(amount) * (isShare ? granted.bytes / 100 : unitBytes[unit]!));
  const bytes = Math.min(asked, granted.bytes);
  const whole = `the ${bytesInWords(granted.bytes)} of ${granted.source}`;
  const grantedBytes = granted.bytes;
  if (isShare) return { bytes, inWords: `${bytesInWords(bytes)}: ${text} of ${whole}`, grantedBytes };
  return {
    bytes,
    inWords: bytes < asked ? `${whole}, less than the ${text} that were asked for` : bytesInWords(bytes),
    grantedBytes,
  };
}

/** `812 KiB`, `1.43 GiB`: three digits. */
export function bytesInWords(bytes: number): string {
  const units = ["KiB", "MiB", "GiB", "TiB"];
  const power = Math.min(units.length, Math.max(1, Math.floor(Math.log2(Math.max(bytes, 1)) / 10)));
  const value = bytes / 2 ** (10 * power);
  return `${value >= 100 ? Math.round(value) : Number(value.toPrecision(3))} ${units[power - 1]}`;
}
