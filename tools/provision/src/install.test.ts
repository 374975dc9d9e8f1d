import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { installOnce } from "./install.ts";

const installer = join(import.meta.dirname, "../tests/installer.ts");
let directory = "";
let target = "";
const children: ChildProcess[] = [];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "anneal-install-"));
  target = join(directory, "artefact");
});

afterEach(() => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
  rmSync(directory, { recursive: true, force: true });
});

/** Starts the installer; `said` resolves once it has printed the words. */
function start(behaviour = "finish") {
  const child = spawn(process.execPath, [installer, target, behaviour], { stdio: ["ignore", "pipe", "inherit"] });
  children.push(child);
  let output = "";
  const ended = once(child, "close");
  const said = async (words: string) => {
    while (!output.includes(words)) await once(child.stdout, "data");
  };
  child.stdout.on("data", (chunk) => {
    output += chunk;
  });
  return { child, said, ended, output: () => output };
}

const numFills = () => readFileSync(`${target}.fills`, "utf8").length;
const leftovers = () => readdirSync(directory).filter((name) => name.startsWith(".staging"));

function installation(fill: (directory: string) => Promise<void>) {
  return { target, title: "artefact", requiredBytes: 1_000, log: () => {}, fill };
}

test("two that start at once: one installs, the other says that it waits, both find it whole", async () => {
  const first = start("hold");
  await first.said("filling");
  const second = start();
  await second.said("another process is installing it; waiting");
  writeFileSync(`${target}.release`, "");
  const [[firstCode], [secondCode]] = await Promise.all([first.ended, second.ended]);
  expect([firstCode, secondCode]).toEqual([0, 0]);
  expect(second.output()).toContain("installed");
  expect(numFills()).toBe(1);
  expect(readdirSync(target).sort()).toEqual(["first", "second"]);
});

test("kill -9 in the middle leaves nothing half-installed; the next start cleans up and installs", async () => {
  const victim = start("hold");
  await victim.said("filling");
  victim.child.kill("SIGKILL");
  await victim.ended;
  expect(existsSync(target)).toBe(false);
  expect(leftovers()).toHaveLength(1);
  const next = start();
  expect((await next.ended)[0]).toBe(0);
  expect(readdirSync(target).sort()).toEqual(["first", "second"]);
  expect(leftovers()).toEqual([]);
});

test("a waiter takes over when the owner is killed", async () => {
  const owner = start("hold");
  await owner.said("filling");
  const waiter = start();
  await waiter.said("waiting");
  owner.child.kill("SIGKILL");
  expect((await waiter.ended)[0]).toBe(0);
  expect(readdirSync(target).sort()).toEqual(["first", "second"]);
});

test("what a live process is filling is not taken for a leftover", async () => {
  const owner = start("hold");
  await owner.said("filling");
  const other = join(directory, "other");
  await installOnce({ ...installation(async () => {}), target: other });
  expect(leftovers()).toHaveLength(1);
});

test("installs once; a second call does not fill again", async () => {
  let fills = 0;
  const fill = async (path: string) => {
    fills++;
    writeFileSync(join(path, "file"), "content");
  };
  await installOnce(installation(fill));
  await installOnce(installation(fill));
  expect(fills).toBe(1);
  expect(readFileSync(join(target, "file"), "utf8")).toBe("content");
});

test("too little room is refused before anything is written, with both numbers", async () => {
  const options = { ...installation(async () => expect.unreachable()), probe: async () => 999 };
  await expect(installOnce(options)).rejects.toMatchObject({
    code: "DISK_FULL",
    facts: { requiredBytes: 1_000, availableBytes: 999 },
    remedy: expect.stringContaining("ANNEAL_CACHE"),
  });
  expect(readdirSync(directory)).toEqual([]);
});

test("a disk that fills up on the way ends as DISK_FULL and leaves nothing", async () => {
  const fill = async (path: string) => {
    writeFileSync(join(path, "part"), "x");
    throw Object.assign(new Error("write"), { code: "ENOSPC" });
  };
  await expect(installOnce(installation(fill))).rejects.toMatchObject({ code: "DISK_FULL" });
  expect(readdirSync(directory)).toEqual([]);
});

test("a failed fill leaves nothing, and the next try may succeed", async () => {
  const failing = installation(async (path) => {
    writeFileSync(join(path, "part"), "x");
    throw new Error("no luck");
  });
  await expect(installOnce(failing)).rejects.toThrow("no luck");
  expect(readdirSync(directory)).toEqual([]);
  await installOnce(installation(async () => {}));
  expect(existsSync(target)).toBe(true);
});

test("a cache that cannot be made is named", async () => {
  writeFileSync(join(directory, "file"), "");
  const options = { ...installation(async () => {}), target: join(directory, "file", "artefact") };
  await expect(installOnce(options)).rejects.toMatchObject({ code: "DIRECTORY_UNWRITABLE" });
});
