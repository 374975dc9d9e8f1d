import { AnnealError } from "@anneal/contracts";
import {
  corruptTensors,
  lengthPrefixBytes,
  maxHeaderBytes,
  parseHeader,
  readHeaderLength,
} from "./safetensors-header.ts";
import { checkTensor, type NamedTensor, tensorDtypes } from "./tensors.ts";

export interface EncodedSafetensors {
  /** Length prefix and JSON, padded with spaces to a multiple of 8 bytes. */
  readonly header: Uint8Array;
  /** The tensors' bytes in the file's order: views of the callers' memory, not copies. */
  readonly chunks: readonly Uint8Array[];
  /** Of the whole file. */
  readonly numBytes: number;
}

export interface DecodedSafetensors {
  /** In the order of the file. `data` are views of the bytes where their alignment allows it, else copies. */
  readonly tensors: readonly NamedTensor[];
  readonly metadata: Readonly<Record<string, string>>;
}

/**
 * Encodes tensors in the safetensors format. Equal tensors and metadata give equal bytes, whatever order they come in:
 * wider elements first, so that every tensor is aligned, then by name (UTF-16 code units).
 *
 * Throws `INTERNAL` for a name given twice or data that does not fill its shape.
 */
export function encodeSafetensors(
  tensors: readonly NamedTensor[],
  metadata: Readonly<Record<string, string>> = {},
): EncodedSafetensors {
  const sorted = [...tensors].sort(
    (a, b) => tensorDtypes[b.dtype].numBytes - tensorDtypes[a.dtype].numBytes || (a.name < b.name ? -1 : 1),
  );
  const members: string[] = [];
  const keys = Object.keys(metadata).sort();
  if (keys.length > 0) {
    const pairs = keys.map((key) => `${JSON.stringify(key)}:${JSON.stringify(metadata[key])}`);
    members.push(`"__metadata__":{${pairs.join(",")}}`);
  }
  const names = new Set(["__metadata__"]);
  let offset = 0;
  for (const tensor of sorted) {
    checkTensor(tensor);
    if (names.has(tensor.name)) throw nameTaken(tensor.name);
    names.add(tensor.name);
    const end = offset + tensor.data.byteLength;
    const description = { dtype: tensor.dtype, shape: tensor.shape, data_offsets: [offset, end] };
    // Joined as text, not as an object's keys: `__proto__` and "1" are names like any other, and order is ours.
    members.push(`${JSON.stringify(tensor.name)}:${JSON.stringify(description)}`);
    offset = end;
  }
  const header = encodeHeader(`{${members.join(",")}}`);
  const chunks = sorted.map(({ data }) => new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  return { header, chunks, numBytes: header.byteLength + offset };
}

/** Decodes a safetensors file held in memory. Throws `CHECKPOINT_CORRUPT` for anything but a sound file. */
export function decodeSafetensors(bytes: Uint8Array): DecodedSafetensors {
  const headerBytes = readHeaderLength(bytes, bytes.byteLength);
  const dataStart = lengthPrefixBytes + headerBytes;
  const { entries, metadata } = parseHeader(bytes.subarray(lengthPrefixBytes, dataStart), bytes.byteLength - dataStart);
  const tensors = entries.map(({ name, dtype, shape, begin, end }): NamedTensor => {
    const { numBytes, view } = tensorDtypes[dtype];
    const data = bytes.subarray(dataStart + begin, dataStart + end);
    const aligned = data.byteOffset % numBytes === 0 ? data : data.slice();
    return { name, dtype, shape, data: view(aligned.buffer, aligned.byteOffset, aligned.byteLength / numBytes) };
  });
  return { tensors, metadata };
}

function encodeHeader(json: string): Uint8Array {
  const text = new TextEncoder().encode(json);
  const paddedBytes = Math.ceil(text.byteLength / 8) * 8;
  if (paddedBytes > maxHeaderBytes) throw corruptTensors(`its header would need ${paddedBytes} bytes`);
  const header = new Uint8Array(lengthPrefixBytes + paddedBytes).fill(0x20);
  new DataView(header.buffer).setBigUint64(0, BigInt(paddedBytes), true);
  header.set(text, lengthPrefixBytes);
  return header;
}

function nameTaken(name: string): AnnealError {
  return new AnnealError(
    "INTERNAL",
    `Two tensors of one file are named "${name}", or a tensor has the reserved name "__metadata__".`,
    "Give each variable of the model a name of its own.",
    { tensor: name },
  );
}
