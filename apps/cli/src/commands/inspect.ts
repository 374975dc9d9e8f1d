import { resolve } from "node:path";
import type { Command } from "commander";
import type { CommandResult } from "../output.ts";
import { formatInspection } from "../render/inspection.ts";
import { type CommonOptions, defineCommand, finish } from "./define.ts";

export function inspectCommand(): Command {
  return defineCommand(
    "inspect <file>",
    "Show what is in an ONNX file: ops, sizes, number formats, memory, estimated operations",
    "anneal inspect ./models/mnist.onnx",
  ).action((path: string, options: CommonOptions) => finish(options, inspect(path)));
}

async function inspect(path: string): Promise<CommandResult> {
  const { inspectFile } = await import("@anneal/export");
  const document = await inspectFile(resolve(path));
  return { document, text: formatInspection(document) };
}
