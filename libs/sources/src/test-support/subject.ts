import type { ErrorFacts } from "@anneal/contracts";
import type { SourceDeclaration } from "../open-source.ts";

/** How a fixture differs: `edited` in one byte of a sample's content, `extended` by samples that the plain one lacks. */
export type Variant = "plain" | "edited" | "extended";

export interface Sample {
  readonly input: readonly number[];
  readonly label: readonly number[];
}

/** One kind of source, with data of its own making, for the suite that all kinds pass. */
export interface Subject {
  readonly name: string;
  readonly input: string;
  readonly label: string;
  readonly numClasses: number | null;
  readonly classNames: readonly string[] | null;
  /** Writes the data into an empty directory. */
  readonly write: (directory: string, variant: Variant) => Promise<SourceDeclaration>;
  /** The plain data's samples in their order. */
  readonly samples: () => Promise<readonly Sample[]>;
  /** Where the sample 1 is, as people read it; `directory` stands for where the data was written. */
  readonly placeOfSample1: (directory: string) => string;
  /** What ruins the data as a whole: a change to what was written, and what opening it then fails with. */
  readonly damages: readonly {
    readonly what: string;
    readonly damage: (directory: string) => Promise<void>;
    readonly code: string;
    readonly facts: ErrorFacts;
  }[];
  /** What ruins one sample, if that can be; `places` are what the messages must name. */
  readonly badRecord?: {
    readonly damage: (directory: string) => Promise<void>;
    readonly place: string;
    /** Whether it shows when the data is opened, or when the sample is read. */
    readonly shows: "opening" | "reading";
    /** The samples that are left. */
    readonly left: readonly number[];
  };
  /** Whether samples are read from files by position where memory is short. */
  readonly byPosition: boolean;
}
