import type { Violation, Workspace } from "../workspace.ts";

/** The longest a source file may be without a reason at its top. */
export const maxLines = 500;
/** How that reason starts; it stands in one of the first ten lines. */
export const longFileReason = "Long because";

const readmeCommands = ["npx -y pnpm@12 demo", "npx -y pnpm@12 test"];

/** This file names what it forbids. */
const ownFile = "tools/checks/src/rules/text-rules.ts";

/** What no committed line may hold: what only exists on one machine, and what was meant to be done later. */
const denied: readonly { rule: string; pattern: RegExp; message: string }[] = [
  {
    rule: "registry-host",
    pattern:
      /\b(registry\.(npmjs|yarnpkg)\.(org|com)|pypi\.org|files\.pythonhosted\.org|proxy\.golang\.org|deb\.debian\.org|repo1?\.maven\.(org|apache\.org))/,
    message: "names a package registry: its client knows where it is, and a mirror may stand in for it",
  },
  {
    rule: "registry-host",
    pattern: /https?:\/\/[^\s/"'`]*\b(artifactory|nexus|mirror|devpi|verdaccio)\b/,
    message: "names a mirror of a package registry",
  },
  {
    rule: "machine-path",
    pattern: /(^|[\s"'`(=:])\/(home\/(?!(node|runs)\b)[a-z]|Users\/[A-Za-z]|root\/|work\/)/,
    message: "is a path of one developer's machine",
  },
  { rule: "wording", pattern: /\b(TODO|FIXME|XXX|HACK)\b/, message: "leaves work for later in a comment" },
  {
    rule: "wording",
    pattern: /\blorem ipsum\b/i,
    message: "is filler",
  },
  {
    rule: "wording",
    pattern: /\bissues? #?\d+\b/i,
    message: "cites a number that a reader of the code cannot look up",
  },
];

/** The rules over the text of every committed file. */
export function checkTexts(workspace: Workspace): Violation[] {
  const texts = workspace.files.filter(isText).map((file) => ({ file, lines: workspace.read(file).split("\n") }));
  return [
    ...texts.flatMap(({ file, lines }) => (isSource(file) ? checkLength(file, lines) : [])),
    ...texts.flatMap(({ file, lines }) => (file === ownFile ? [] : checkDenied(file, lines))),
    ...checkReadme(workspace),
  ];
}

function checkLength(file: string, lines: readonly string[]): Violation[] {
  const hasReason = lines.slice(0, 10).some((line) => line.includes(longFileReason));
  if (lines.length <= maxLines || hasReason) return [];
  return [
    {
      rule: "file-size",
      file,
      message: `has ${lines.length} lines: split it, or say "${longFileReason} …" at its top`,
    },
  ];
}

function checkDenied(file: string, lines: readonly string[]): Violation[] {
  return lines.flatMap((line, index) =>
    denied
      .map(({ rule, pattern, message }) => ({ rule, message, found: pattern.exec(line)?.[0].trim() }))
      .filter(({ found }) => found !== undefined)
      .map(({ rule, message, found }) => ({ rule, file: `${file}:${index + 1}`, message: `"${found}" ${message}` })),
  );
}

function checkReadme(workspace: Workspace): Violation[] {
  const text = workspace.files.includes("README.md") ? workspace.read("README.md") : "";
  return readmeCommands
    .filter((command) => !text.includes(command))
    .map((command) => ({ rule: "readme", file: "README.md", message: `does not name the command \`${command}\`` }));
}

function isSource(file: string): boolean {
  return /\.(ts|js|mjs|cjs|cc|h|py|sh)$/.test(file);
}

/** Written by people: not the lock file, licences, patches of other people's code, or binary files. */
function isText(file: string): boolean {
  if (/^(pnpm-lock\.yaml|LICENSE)$|\.patch$/.test(file)) return false;
  return /\.(ts|js|mjs|cjs|json|yaml|yml|md|sh|py|cc|h|html|css|txt|toml)$|(^|\/)(Dockerfile|\.[^/]+|run)$/.test(file);
}
