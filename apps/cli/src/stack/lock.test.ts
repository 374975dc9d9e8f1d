import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { tempAnnealHome } from "@anneal/testing";
import { expect, test } from "vitest";
import { acquireLock, lockHolder } from "./lock.ts";

test("one holder at a time, told by its pid", async () => {
  using home = tempAnnealHome();
  expect(await lockHolder(home.path)).toBeNull();
  const lock = await acquireLock(home.path);
  expect(await lockHolder(home.path)).toBe(process.pid);
  expect(await acquireLock(home.path)).toBeNull();
  await lock!.release();
  expect(await lockHolder(home.path)).toBeNull();
});

test("a killed holder leaves nothing that would have to be cleaned", async () => {
  using home = tempAnnealHome();
  const lockModule = fileURLToPath(new URL("./lock.ts", import.meta.url));
  const source = `import { acquireLock } from ${JSON.stringify(lockModule)};
    await acquireLock(${JSON.stringify(home.path)});
    console.log("held");
    setInterval(() => {}, 1000);`;
  const holder = spawn(process.execPath, ["--input-type=module", "--eval", source], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  await once(holder.stdout, "data");
  expect(await lockHolder(home.path)).toBe(holder.pid);
  holder.kill("SIGKILL");
  await once(holder, "exit");
  const lock = await acquireLock(home.path);
  expect(lock).not.toBeNull();
  await lock!.release();
});
