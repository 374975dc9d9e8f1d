import type { ValueRange } from "@anneal/compress";
import type { ExportFormat, ExportPrecision } from "@anneal/contracts";
import type { Value } from "@anneal/graph";
import type { PredictModel } from "../model/predict-model.ts";
import type { Runtime } from "../runtimes/runtime.ts";

/** What a file says of itself, for people and for programs that show it. */
export interface ModelMetadata {
  readonly description: string;
  readonly properties: Readonly<Record<string, string>>;
}

export interface WriteRequest {
  readonly model: PredictModel;
  readonly precision: ExportPrecision;
  readonly metadata: ModelMetadata;
  /** Layers that stay in float32 whatever the precision. */
  readonly kept?: ReadonlySet<string>;
  /** For whole numbers: the range of a value of the model's graph that samples had; null where it has none. */
  readonly rangeOf?: (value: Value) => ValueRange | null;
  /** Values of the model's graph that the file gives as well, after its own outputs: to find where it differs. */
  readonly probes?: readonly Value[];
}

/** A model in a format's terms. Nothing is written yet: whatever the format cannot say has been said. */
export interface WritableModel {
  /** Ops, by how often there is each. */
  readonly ops: Readonly<Record<string, number>>;
  /** Layers that are in whole numbers; left out by a format that cannot keep some of them in float32. */
  readonly quantized?: readonly string[];
  /** Names of the outputs: the model's own, then one for each probe, or null for a probe that the file does not have. */
  readonly outputs: readonly (string | null)[];
  /**
   * Hands the file on, part by part.
   *
   * @param write has to be done with the bytes when it returns
   */
  readonly write: (write: (bytes: Uint8Array) => void) => void;
}

/** One format: a folder with a row for each op, and a runtime that its files are proven in. */
export interface Exporter {
  readonly format: ExportFormat;
  /** As people know it. */
  readonly title: string;
  /** Of its files, such as `.onnx`. */
  readonly extension: string;
  readonly precisions: readonly ExportPrecision[];
  /** @throws AnnealError EXPORT_UNSUPPORTED */
  readonly prepare: (request: WriteRequest) => WritableModel;
  readonly runtime: Runtime;
}
