// A process of its own for install.test.ts: installs a small artefact into argv[2]. With "hold" as argv[3] it does not
// finish before the file `<target>.release` appears.
import { existsSync } from "node:fs";
import { appendFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { installOnce } from "../src/install.ts";

const [target = "", behaviour] = process.argv.slice(2);
await installOnce({
  target,
  title: "artefact",
  requiredBytes: 1,
  log: (line) => console.log(line),
  fill: async (directory) => {
    await writeFile(join(directory, "first"), "1");
    await appendFile(`${target}.fills`, "x");
    console.log("filling");
    while (behaviour === "hold" && !existsSync(`${target}.release`)) await sleep(10);
    await writeFile(join(directory, "second"), "2");
  },
});
console.log("installed");
