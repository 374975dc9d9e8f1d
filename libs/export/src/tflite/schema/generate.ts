import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { litertPackages } from "../../runtimes/litert-packages.ts";

/**
 * Makes `tflite-schema.ts` from the official schema: `pnpm --filter @anneal/export generate`. No registry has a `flatc` whose TypeScript
 * Node can run from source (it has enums), so the tables' fields are taken from what `flatc` made of the same schema for Python, which comes
 * with the runtime. Needs Python with pip. Run it to follow a new version; its result is committed.
 */
const generated = fileURLToPath(new URL("./tflite-schema.ts", import.meta.url));

/** What a file is made of. */
const structure = [
  "Model",
  "OperatorCode",
  "SubGraph",
  "Tensor",
  "QuantizationParameters",
  "Operator",
  "Buffer",
  "Metadata",
  "SignatureDef",
  "TensorMap",
];
/** Of ops that rows write; ops of others have no options that matter. */
const options = [
  "AddOptions",
  "ArgMaxOptions",
  "ArgMinOptions",
  "BatchMatMulOptions",
  "CastOptions",
  "ConcatenationOptions",
  "Conv2DOptions",
  "Conv3DOptions",
  "CumsumOptions",
  "DepthToSpaceOptions",
  "DepthwiseConv2DOptions",
  "DivOptions",
  "FullyConnectedOptions",
  "GatherOptions",
  "LeakyReluOptions",
  "LocalResponseNormalizationOptions",
  "MirrorPadOptions",
  "MulOptions",
  "OneHotOptions",
  "PackOptions",
  "Pool2DOptions",
  "ReducerOptions",
  "ReshapeOptions",
  "ResizeBilinearOptions",
  "ResizeNearestNeighborOptions",
  "ShapeOptions",
  "SoftmaxOptions",
  "SpaceToDepthOptions",
  "SplitVOptions",
  "SqueezeOptions",
  "StridedSliceOptions",
  "SubOptions",
  "TransposeConvOptions",
  "UnpackOptions",
];
const enums = ["ActivationFunctionType", "BuiltinOperator", "BuiltinOptions", "MirrorPadMode", "Padding", "TensorType"];

const folder = mkdtempSync(join(tmpdir(), "anneal-tflite-schema-"));
try {
  const [runtime] = litertPackages;
  execFileSync("python3", ["-m", "pip", "install", "--quiet", "--no-deps", "--target", folder, runtime], {
    stdio: "inherit",
  });
  const schema = readFileSync(join(folder, "ai_edge_litert", "schema_py_generated.py"), "utf8");
  const text = `// Long because it is generated: \`pnpm --filter @anneal/export generate\` makes it from the schema in ${runtime}

/** Fields of the format's tables: place in the table, kind, value where a table does not have it. */
export const tfliteTables = {
${[...structure, ...options].map((name) => tableOf(schema, name)).join("\n")}
} as const;

${enums.map((name) => enumOf(schema, name)).join("\n\n")}
`;
  writeFileSync(generated, text);
  execFileSync("biome", ["check", "--write", generated], { stdio: "inherit" });
} finally {
  rmSync(folder, { recursive: true, force: true });
}

function tableOf(schema: string, table: string): string {
  const call = new RegExp(
    `^def ${table}Add(\\w+)\\(builder, \\w+\\):\\n    builder\\.Prepend(\\w+)Slot\\((\\d+), .*, (-?[\\w.]+)\\)$`,
    "gm",
  );
  const fields = [...schema.matchAll(call)].map(([, field, kind, slot, initial]) => {
    const name = `${field![0]!.toLowerCase()}${field!.slice(1)}`;
    return `${name}: [${slot}, "${kind === "UOffsetTRelative" ? "Offset" : kind}", ${Number(initial === "False" ? 0 : initial === "True" ? 1 : initial)}],`;
  });
  if (fields.length === 0 && !schema.includes(`class ${table}(object)`)) throw new RangeError(`no table ${table}`);
  return `${table}: { ${fields.join(" ")} },`;
}

function enumOf(schema: string, name: string): string {
  const body = new RegExp(`^class ${name}\\(object\\):\\n((?:    \\w+ = -?\\d+\\n)+)`, "m").exec(schema)?.[1];
  if (body === undefined) throw new RangeError(`no enum ${name}`);
  const values = body.trim().split("\n");
  return `export const tflite${name} = {\n${values.map((line) => `${line.trim().replace(" = ", ": ")},`).join("\n")}\n} as const;`;
}
