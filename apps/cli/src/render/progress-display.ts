import type { Progress } from "@anneal/contracts";
import { formatProgress } from "./bar.ts";

/** Where progress is drawn: redrawn in place at a terminal; elsewhere a plain line now and then, when it says something new. */
export interface ProgressDisplay {
  update(progress: Progress): void;
  /** Something that happened: stays on the screen above the bar. */
  note(line: string): void;
  /** Leaves the last state on the screen. */
  end(): void;
}

const plainIntervalMs = 5_000;

export function createDisplay(
  label: string,
  samples: string,
  stream: NodeJS.WriteStream = process.stderr,
): ProgressDisplay {
  return stream.isTTY ? terminalDisplay(label, samples, stream) : plainDisplay(label, samples, stream);
}

/** Of a terminal that does not know its own width. */
const defaultColumns = 100;

const clearLine = "\r\u001b[2K";

function terminalDisplay(label: string, samples: string, stream: NodeJS.WriteStream): ProgressDisplay {
  let line = "";
  const draw = (): void => {
    if (line !== "") stream.write(`${clearLine}${line}`);
  };
  return {
    update(progress) {
      line = formatProgress(label, progress, (stream.columns || defaultColumns) - 1, samples);
      draw();
    },
    note(text) {
      stream.write(`${line === "" ? "" : clearLine}${text}\n`);
      draw();
    },
    end() {
      if (line !== "") stream.write("\n");
      line = "";
    },
  };
}

/** @param intervalMs between two lines of one phase */
export function plainDisplay(
  label: string,
  samples: string,
  stream: NodeJS.WritableStream,
  intervalMs = plainIntervalMs,
): ProgressDisplay {
  let shownAtMs = Number.NEGATIVE_INFINITY;
  let shownPhase = "";
  let shownLine = "";
  let last: string | null = null;
  const show = (line: string): void => {
    if (line !== shownLine) stream.write(`${line}\n`);
    shownLine = line;
    last = null;
  };
  return {
    update(progress) {
      const line = formatProgress(label, progress, 200, samples);
      const now = Date.now();
      if (progress.phase === shownPhase && now - shownAtMs < intervalMs) {
        last = line;
        return;
      }
      shownAtMs = now;
      shownPhase = progress.phase;
      show(line);
    },
    note: (text) => stream.write(`${text}\n`),
    end() {
      if (last !== null) show(last);
    },
  };
}
