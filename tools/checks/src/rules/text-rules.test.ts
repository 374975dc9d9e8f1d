import { describe, expect, test } from "vitest";
import type { Workspace } from "../workspace.ts";
import { checkTexts, longFileReason, maxLines } from "./text-rules.ts";

const readme = "npx -y pnpm@12 demo\nnpx -y pnpm@12 test\n";

/** Joined here, so that this file does not hold what it says is forbidden. */
const joined = (...parts: string[]) => parts.join("");

function broken(texts: Readonly<Record<string, string>>): string[] {
  const all: Record<string, string> = { "README.md": readme, ...texts };
  const workspace: Workspace = {
    root: "/nowhere",
    rootManifest: { name: "fixture" },
    packages: [],
    files: Object.keys(all),
    read: (file) => all[file]!,
  };
  return checkTexts(workspace).map(({ rule, file }) => `${rule} ${file}`);
}

describe("texts", () => {
  test("ordinary text passes", () => {
    expect(
      broken({ "src/a.ts": 'const path = "/tmp/x"; // a session of TensorFlow, /home/node in an image\n' }),
    ).toEqual([]);
  });

  test.each([
    ["registry-host", joined("https://registry.", "npmjs.org/x")],
    ["registry-host", joined("files.python", "hosted.org")],
    ["registry-host", joined("https://mir", "ror.example.com/simple")],
    ["machine-path", joined('"/home/', 'someone/anneal"')],
    ["machine-path", joined("see /Users/", "Someone/x")],
    ["machine-path", joined("/ro", "ot/.cache")],
    ["wording", joined("// TO", "DO: later")],
    ["wording", joined("// FIX", "ME")],
    ["wording", joined("Lorem ", "ipsum dolor")],
    ["wording", joined("see iss", "ue #12")],
  ])("%s: %s", (rule, line) => {
    expect(broken({ "docs/a.md": `first\n${line}\n` })).toEqual([`${rule} docs/a.md:2`]);
  });

  test("what is written by tools is left alone", () => {
    expect(broken({ "pnpm-lock.yaml": joined("# TO", "DO"), "patches/a.patch": joined("// FIX", "ME") })).toEqual([]);
  });

  test("a long file needs a reason at its top", () => {
    const lines = "x;\n".repeat(maxLines);
    expect(broken({ "src/a.ts": lines })).toEqual(["file-size src/a.ts"]);
    expect(broken({ "src/a.ts": `// ${longFileReason} it is one table.\n${lines}` })).toEqual([]);
    expect(broken({ "src/a.ts": `${lines}// ${longFileReason} it is one table.\n` })).toEqual(["file-size src/a.ts"]);
    expect(broken({ "docs/a.md": lines })).toEqual([]);
  });

  test("the README names both commands", () => {
    expect(broken({ "README.md": "npx -y pnpm@12 demo" })).toEqual(["readme README.md"]);
  });
});
