import { spawn } from "node:child_process";
import { once } from "node:events";
import { expect, it } from "vitest";
import { treeMemoryMiB, watchTreeMemory } from "./process-tree.ts";

const holder = (numMiB: number) =>
  `const kept = Buffer.alloc(${numMiB} * 2 ** 20, 1); setInterval(() => kept[0], 1e3);`;

/** A process that holds memory, and has a child that holds more. */
const parent = `${holder(50)}
const child = require("node:child_process").spawn(process.execPath, ["-e", ${JSON.stringify(`${holder(150)} console.log("up")`)}]);
child.stdout.once("data", () => console.log(child.pid));
process.on("disconnect", () => (child.kill("SIGKILL"), process.exit()));`;

it("counts what a process and its children have, and forgets a child that is gone", async () => {
  const child = spawn(process.execPath, ["-e", parent], { stdio: ["ignore", "pipe", 2, "ipc"] });
  try {
    const [line] = (await once(child.stdout!, "data")) as [Buffer];
    using memory = watchTreeMemory(child.pid!, 20);
    const both = treeMemoryMiB(child.pid!);
    expect(both).toBeGreaterThan(200);
    expect(memory.peakMiB()).toBeGreaterThanOrEqual(0.95 * both);
    process.kill(Number(line), "SIGKILL");
    await expect.poll(() => treeMemoryMiB(child.pid!)).toBeLessThan(both - 140);
    // What was at its most stays.
    expect(memory.peakMiB()).toBeGreaterThan(200);
  } finally {
    child.disconnect();
    await once(child, "exit");
  }
  expect(treeMemoryMiB(child.pid!)).toBe(0);
});
