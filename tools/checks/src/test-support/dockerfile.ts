/** One instruction, its continuation lines joined: `{name: "COPY", args: "patches patches"}`. */
export interface Instruction {
  readonly name: string;
  readonly args: string;
}

export interface Stage {
  readonly name: string;
  readonly from: string;
  readonly instructions: readonly Instruction[];
}

/** Reads as much of a Dockerfile as our own needs: named stages, continuation lines, comments. */
export function readStages(text: string): Stage[] {
  const lines = text
    .split("\n")
    .filter((line) => !line.trimStart().startsWith("#"))
    .join("\n")
    .replaceAll(/\\\n\s*/g, "")
    .split("\n")
    .filter((line) => line.trim() !== "");
  const stages: { name: string; from: string; instructions: Instruction[] }[] = [];
  for (const line of lines) {
    const from = /^FROM (\S+) AS (\S+)$/.exec(line);
    if (from !== null) stages.push({ from: from[1]!, name: from[2]!, instructions: [] });
    const [, name = "", args = ""] = /^(\S+)\s+(.*)$/.exec(line) ?? [];
    stages.at(-1)?.instructions.push({ name, args });
  }
  return stages;
}

/** The instructions of a stage and of those it starts from, the first one first. */
export function inherited(stages: readonly Stage[], name: string): Instruction[] {
  const stage = stages.find((candidate) => candidate.name === name);
  return stage === undefined ? [] : [...inherited(stages, stage.from), ...stage.instructions];
}

/** Paths that a stage copies from the build context (not from another stage). */
export function copiedFromContext(stage: Stage): string[] {
  return stage.instructions
    .filter(({ name, args }) => name === "COPY" && !args.includes("--from="))
    .flatMap(({ args }) => args.split(/\s+/).slice(0, -1));
}
