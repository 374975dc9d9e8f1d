import { parseSync, Visitor } from "oxc-parser";

/** One module that a source file asks for. */
export interface Import {
  readonly specifier: string;
  /** `types` is gone when Node runs the file; `file` is the path of a file, to be read or started rather than imported. */
  readonly kind: "module" | "types" | "file";
  /** Counted from 1. */
  readonly line: number;
}

/**
 * Every module that a TypeScript source asks for by name: imports, re-exports, `import()`, `import("x").Type`,
 * `require("x")`, `import.meta.resolve("x")` and `new URL("./x.ts", import.meta.url)`. Names put together at run time are not seen.
 */
export function importsOf(file: string, source: string): Import[] {
  const found: Import[] = [];
  const { program, errors } = parseSync(file, source, { lang: "ts" });
  const [error] = errors;
  if (error !== undefined) throw new SyntaxError(`${file}: ${error.message}`);
  const add = (node: { start: number }, specifier: unknown, kind: Import["kind"] = "module") => {
    if (typeof specifier === "string") found.push({ specifier, kind, line: lineOf(source, node.start) });
  };
  const importKind = (kind: string | undefined | null) => (kind === "type" ? "types" : "module");
  const literal = (node: unknown) => (node as { value?: unknown } | undefined)?.value;
  new Visitor({
    ImportDeclaration: (node) => add(node, node.source.value, importKind(node.importKind)),
    ExportNamedDeclaration: (node) => add(node, node.source?.value, importKind(node.exportKind)),
    ExportAllDeclaration: (node) => add(node, node.source.value, importKind(node.exportKind)),
    ImportExpression: (node) => add(node, literal(node.source)),
    TSImportType: (node) => add(node, literal(node.source), "types"),
    CallExpression: (node) => {
      const callee = source.slice(node.callee.start, node.callee.end);
      if (/^(require|require\.resolve|import\.meta\.resolve)$/.test(callee)) add(node, literal(node.arguments[0]));
    },
    NewExpression: (node) => {
      const [path, base] = node.arguments;
      if (source.slice(node.callee.start, node.callee.end) !== "URL" || base === undefined) return;
      if (source.slice(base.start, base.end) === "import.meta.url") add(node, literal(path), "file");
    },
  }).visit(program);
  return found.sort((a, b) => a.line - b.line);
}

/** The package that a bare specifier names: `@anneal/data/src/x.ts` -> `@anneal/data`; undefined for paths and builtins. */
export function packageOf(specifier: string): string | undefined {
  if (/^(\.|\/|#|node:|data:|file:)/.test(specifier)) return undefined;
  const [scope = "", name = ""] = specifier.split("/");
  return specifier.startsWith("@") ? `${scope}/${name}` : scope;
}

function lineOf(source: string, offset: number): number {
  return source.slice(0, offset).split("\n").length;
}
