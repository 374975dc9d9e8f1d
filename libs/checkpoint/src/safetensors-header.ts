import { AnnealError, type ErrorFacts } from "@anneal/contracts";
import { hasDuplicateKeys } from "./json.ts";
import { isTensorDtype, type TensorDtype, tensorByteLength } from "./tensors.ts";

/** Limit of the reference implementation: a longer header is an attack or garbage. */
export const maxHeaderBytes = 100_000_000;
/** The header's length comes first, as an unsigned 64-bit little-endian integer. */
export const lengthPrefixBytes = 8;

/** Where a tensor lies in the data section, which starts right after the header. */
export interface TensorEntry {
  readonly name: string;
  readonly dtype: TensorDtype;
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
}

export interface SafetensorsHeader {
  /** In the order of their data. */
  readonly entries: readonly TensorEntry[];
  readonly metadata: Readonly<Record<string, string>>;
}

export function corruptTensors(reason: string, facts: ErrorFacts = {}, cause?: unknown): AnnealError {
  return new AnnealError(
    "CHECKPOINT_CORRUPT",
    `Not a sound safetensors file: ${reason}.`,
    "Use the checkpoint before this one, or copy the file again from where it came from.",
    facts,
    { cause },
  );
}

/** Length of the header's JSON, from the file's first 8 bytes; `fileBytes` is the length of the whole file. */
export function readHeaderLength(prefix: Uint8Array, fileBytes: number): number {
  if (prefix.byteLength < lengthPrefixBytes) throw corruptTensors("it ends within its first 8 bytes");
  const length = new DataView(prefix.buffer, prefix.byteOffset, lengthPrefixBytes).getBigUint64(0, true);
  if (length > BigInt(maxHeaderBytes)) throw corruptTensors(`its header claims ${length} bytes`);
  if (lengthPrefixBytes + Number(length) > fileBytes) throw corruptTensors("it ends within its header");
  return Number(length);
}

/**
 * Parses and checks a header (https://github.com/huggingface/safetensors#format): known dtypes, offsets that cover the
 * data section in order without hole or overlap, and as many bytes as dtype and shape say. Throws `CHECKPOINT_CORRUPT`.
 */
export function parseHeader(json: Uint8Array, dataBytes: number): SafetensorsHeader {
  const text = decodeUtf8(json);
  if (!text.startsWith("{")) throw corruptTensors("its header does not start with {");
  const header = parseJson(text);
  if (hasDuplicateKeys(text)) throw corruptTensors("its header names a key twice");
  const entries: TensorEntry[] = [];
  let metadata: SafetensorsHeader["metadata"] = {};
  for (const [name, value] of Object.entries(header)) {
    if (name === "__metadata__") metadata = parseMetadata(value);
    else entries.push(parseEntry(name, value));
  }
  entries.sort((a, b) => a.begin - b.begin || a.end - b.end);
  let covered = 0;
  for (const entry of entries) {
    if (entry.begin !== covered) throw corruptTensors(`tensor "${entry.name}" leaves a hole or overlaps another`);
    covered = entry.end;
  }
  if (covered !== dataBytes) throw corruptTensors(`its tensors need ${covered} bytes, it holds ${dataBytes}`);
  return { entries, metadata };
}

function decodeUtf8(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw corruptTensors("its header is not UTF-8", {}, cause);
  }
}

function parseJson(text: string): object {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw corruptTensors("its header is not JSON", {}, cause);
  }
  if (typeof value !== "object" || value === null) throw corruptTensors("its header is not an object");
  return value;
}

function parseMetadata(value: unknown): SafetensorsHeader["metadata"] {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw corruptTensors("__metadata__ is no map");
  for (const item of Object.values(value)) {
    if (typeof item !== "string") throw corruptTensors("__metadata__ holds something other than strings");
  }
  return value as Record<string, string>;
}

function parseEntry(name: string, value: unknown): TensorEntry {
  const fail = (what: string) => corruptTensors(`tensor ${JSON.stringify(name)} has ${what}`, { tensor: name });
  if (typeof value !== "object" || value === null) throw fail("no description");
  // Own properties only: a `__proto__` key in the JSON stays an own property and can lend nothing.
  const field = (key: string): unknown =>
    Object.hasOwn(value, key) ? (value as Record<string, unknown>)[key] : undefined;
  const dtype = field("dtype");
  const shape = field("shape");
  const offsets = field("data_offsets");
  if (!isTensorDtype(dtype)) throw fail("an unknown dtype");
  if (!Array.isArray(shape)) throw fail("no shape");
  const numBytes = tensorByteLength(dtype, shape);
  if (numBytes === null) throw fail("a shape that is none");
  if (!Array.isArray(offsets) || offsets.length !== 2) throw fail("no offsets");
  const [begin, end] = offsets as [unknown, unknown];
  if (!isOffset(begin) || !isOffset(end)) throw fail("offsets that are no integers");
  if (end - begin !== numBytes) throw fail(`${end - begin} bytes where its dtype and shape need ${numBytes}`);
  return { name, dtype, shape: shape as number[], begin, end };
}

function isOffset(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}
