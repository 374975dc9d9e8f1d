import { AnnealError, type ErrorFacts, type ErrorRecord, isOutOfMemory } from "@anneal/contracts";

/** A thread, by what it does ("A thread that … died"), and when or how often it died. */
interface DeadThread {
  readonly doing: string;
  readonly when: "repeatedly" | "once" | "opening";
}

const inWords = { repeatedly: " again and again", once: "", opening: " while the data was being opened" } as const;

/** A thread that dies in a sample dies of the recipe; one that dies before its first, of the machine or its memory. */
export function threadDied(
  cause: unknown,
  sampleIndex: number | null,
  facts: ErrorFacts,
  { doing, when }: DeadThread = { doing: "prepares batches", when: "repeatedly" },
): ErrorRecord {
  const reason = cause instanceof Error ? cause.message : String(cause);
  const notBegun = isOutOfMemory(cause) ? "OUT_OF_MEMORY" : "TRAINER_CRASHED";
  const next = when === "opening" ? "the data is opened again" : "the run goes on from its last checkpoint";
  const [code, remedy] =
    sampleIndex === null
      ? ([notBegun, `Look at the trainer's log; ${next}.`] as const)
      : (["TRANSFORM_FAILED", "Look for process.exit or too much memory in the recipe's transforms."] as const);
  const message = `A thread that ${doing} died${inWords[when]}: ${reason}`;
  return new AnnealError(code, message, remedy, { ...facts, sampleIndex, cause: reason }).toRecord();
}

/** A sample that so many threads did not come to an end with. */
export function transformHung(sampleIndex: number, place: string, timeoutMs: number, times: 1 | 2): ErrorRecord {
  return new AnnealError(
    "TRANSFORM_HUNG",
    `Preparing ${place} took longer than ${timeoutMs / 1_000} s${times === 2 ? ", twice" : ""}`,
    "Look for an endless loop in the recipe's transforms, or for a file on a disk that does not answer.",
    { sampleIndex, place, timeoutMs },
  ).toRecord();
}
