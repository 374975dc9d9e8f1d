/** Memory that a process may take at most, and who says so. */
export interface GrantedMemory {
  readonly bytes: number;
  /** `the machine`, `its control group`, `the limit of its address space`, `the limit of its data`. */
  readonly source: string;
}

/** What a trainer and its machine have in use at one moment. */
export interface MemoryReading {
  /** Resident set of the trainer. */
  readonly rssBytes: number;
  /** The control group that is closest to its limit: in use, without files that the kernel can drop at once. */
  readonly group: { readonly usedBytes: number; readonly limitBytes: number } | null;
  readonly machine: { readonly availableBytes: number; readonly totalBytes: number } | null;
  /** Share (0..1) of the last ten seconds in which all tasks waited for memory (PSI `full`); null where nobody tells. */
  readonly stalledShare: number | null;
}
