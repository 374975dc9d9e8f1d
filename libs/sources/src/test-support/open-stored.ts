import { storedData } from "../records/stored-data.ts";

/** `node open-stored.ts <cache directory> <digest>`: opens data of the cache, says so, and lives on. */
const [cacheDirectory, digest] = process.argv.slice(2) as [string, string];
await storedData(digest, { cacheDirectory, memoryBytes: 0, onBadRecord: "fail" }, async (files) => {
  await (await files.create("bytes")).append(new Uint8Array(1_000));
  return {};
});
process.stdout.write("opened\n");
setInterval(() => {}, 1_000);
