import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/**
 * Makes `onnx_pb.ts` from the official schema, which comes with the Python package of ONNX: `pnpm --filter @anneal/export generate`.
 * Needs Python with pip. Run it to follow a new version of the schema; its result is committed.
 */
const version = "1.23.2";
const generated = fileURLToPath(new URL("./onnx_pb.ts", import.meta.url));
const reason =
  "// Long because it is generated: `pnpm --filter @anneal/export generate` makes it from the schema of ONNX";

const folder = mkdtempSync(join(tmpdir(), "anneal-onnx-schema-"));
try {
  const pip = ["-m", "pip", "install", "--quiet", "--no-deps", "--target", folder, `onnx==${version}`];
  execFileSync("python3", pip, { stdio: "inherit" });
  // Alone, so that the result bears its name and nothing else is built.
  const schema = join(folder, "schema");
  mkdirSync(schema);
  copyFileSync(join(folder, "onnx", "onnx.proto"), join(schema, "onnx.proto"));
  writeFileSync(join(schema, "buf.yaml"), "version: v2\n");
  const plugin = {
    local: "protoc-gen-es",
    out: folder,
    opt: ["target=ts", "import_extension=ts", "erasable_syntax=true"],
  };
  const template = JSON.stringify({ version: "v2", plugins: [plugin] });
  const image = join(folder, "image.binpb");
  // Without the schema's comments, which are long.
  const build = ["exec", "buf", "build", schema, "--exclude-source-info", "-o", image];
  execFileSync("pnpm", build, { stdio: "inherit" });
  execFileSync("pnpm", ["exec", "buf", "generate", image, "--template", template], { stdio: "inherit" });
  const [first, ...rest] = readFileSync(join(folder, "onnx_pb.ts"), "utf8").split("\n");
  writeFileSync(generated, [first, `${reason} ${version}.`, ...rest].join("\n"));
} finally {
  rmSync(folder, { recursive: true, force: true });
}
