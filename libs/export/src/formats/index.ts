import type { ExportFormat } from "@anneal/contracts";
import { onnxExporter } from "../onnx/onnx-exporter.ts";
import { tfliteExporter } from "../tflite/tflite-exporter.ts";
import type { Exporter } from "./exporter.ts";

/** Every format that a model is written in. */
export const exporters: Readonly<Record<ExportFormat, Exporter>> = { onnx: onnxExporter, tflite: tfliteExporter };
