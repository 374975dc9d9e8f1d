import type { MemoryReading } from "@anneal/contracts";
import { bytesInWords } from "./memory-budget.ts";

/** So close to its limit a group is killed at any moment. */
const fullestGroup = 0.95;
const leastAvailable = 0.03;
const longestStall = 0.2;
/** One reading may be a moment's: pressure is what so many in a row show. */
const numReadings = 3;

/** What is wrong with a reading, with its figures; null where all is well. */
export function pressureOf(
  { rssBytes, group, machine, stalledShare }: MemoryReading,
  budgetBytes: number | null,
): string | null {
  if (budgetBytes !== null && rssBytes > budgetBytes) {
    return `the trainer took ${bytesInWords(rssBytes)} of its budget of ${bytesInWords(budgetBytes)}`;
  }
  if (group !== null && group.usedBytes > fullestGroup * group.limitBytes) {
    return `its control group had ${bytesInWords(group.usedBytes)} of ${bytesInWords(group.limitBytes)} in use`;
  }
  if (machine !== null && machine.availableBytes < leastAvailable * machine.totalBytes) {
    return `the machine had ${bytesInWords(machine.availableBytes)} of ${bytesInWords(machine.totalBytes)} left`;
  }
  if (stalledShare !== null && stalledShare > longestStall) {
    return `everything waited for memory in ${Math.round(100 * stalledShare)} % of ten seconds`;
  }
  return null;
}

/** Readings in a row that were under pressure. */
export interface PressureState {
  readonly numInRow: number;
}

export const noPressure: PressureState = { numInRow: 0 };

/** Takes the next reading; `why` once pressure has lasted. */
export function judgeReading(
  { numInRow }: PressureState,
  reading: MemoryReading,
  budgetBytes: number | null,
): { readonly state: PressureState; readonly why: string | null } {
  const pressure = pressureOf(reading, budgetBytes);
  const state = { numInRow: pressure === null ? 0 : numInRow + 1 };
  return { state, why: state.numInRow >= numReadings ? pressure : null };
}
