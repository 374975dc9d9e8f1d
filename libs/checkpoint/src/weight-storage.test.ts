import { statSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeSafetensors } from "./safetensors.ts";
import { openCheckpointStore } from "./store.ts";
import { arbitraryTensors, byName } from "./test-support/arbitrary-tensors.ts";
import { makeContents } from "./test-support/contents.ts";
import { runPython } from "./test-support/python-safetensors.ts";
import { tempRun } from "./test-support/temp-run.ts";
import { restoreWeights, storeWeights } from "./weight-storage.ts";

const storages = ["bfloat16", "float16"] as const;

describe.each(storages)("weights stored as %s", (weightStorage) => {
  const dtype = weightStorage === "bfloat16" ? "BF16" : "F16";

  it("give back every tensor of a state bit for bit, whatever it is", async () => {
    await fc.assert(
      fc.asyncProperty(arbitraryTensors, arbitraryTensors, async (model, slots) => {
        const optimizer = slots.map((slot) => ({ ...slot, name: `${slot.name}/slot` }));
        const stored = await storeWeights({ model, optimizer }, weightStorage);
        const restored = await restoreWeights(stored);
        expect(byName(restored.masterWeights)).toEqual(byName(model));
        expect(byName(restored.optimizer)).toEqual(byName(optimizer));
        for (const [index, tensor] of stored.model.entries()) {
          if (tensor.dtype !== "F32" && model[index]?.dtype !== "F32") expect(tensor).toBe(model[index]);
          expect(restored.model[index]?.dtype).toBe(model[index]?.dtype);
        }
      }),
      { numRuns: 200 },
    );
  });

  it("are half as large, float32 for whoever reads them, and training goes on from their masters", async () => {
    using run = tempRun();
    await run.store.acquire(1);
    const options = { step: 3, numParameters: 100_000 };
    const plain = await run.store.commit(1, makeContents({ ...options, step: 2 }));
    const contents = makeContents({ ...options, weightStorage });
    const { path } = await run.store.commit(1, contents);
    const sizeOf = (checkpoint: string, file: string) => statSync(join(checkpoint, `${file}.safetensors`)).size;
    expect(sizeOf(path, "model") / sizeOf(plain.path, "model")).toBeCloseTo(0.5, 3);
    const loaded = await openCheckpointStore(run.directory).load(path);
    expect(byName(loaded.masterWeights)).toEqual(byName(contents.model));
    expect(byName(loaded.optimizer)).toEqual(byName(contents.optimizer));
    expect(loaded.model).toHaveLength(contents.model.length);
    for (const { name, dtype, data } of loaded.model) {
      const exact = contents.model.find((tensor) => tensor.name === name)!;
      expect(dtype).toBe("F32");
      expect(data).not.toEqual(exact.data);
      data.forEach((value, at) => {
        // Half of the last place that stays: of values in -0.5..0.5.
        expect(Math.abs(Number(value) - Number(exact.data[at]))).toBeLessThanOrEqual(2 ** -10);
      });
    }
  });

  it("say so in the file itself, which Python reads", async () => {
    using run = tempRun();
    await run.store.acquire(1);
    const { path } = await run.store.commit(1, makeContents({ step: 1, weightStorage }));
    const program = `
import json, sys, safetensors
tensors = safetensors.deserialize(open(sys.argv[1], "rb").read())
print(json.dumps({n: [t["dtype"], t["shape"], bytes(t["data"])[:2].hex()] for n, t in tensors}))`;
    const file = join(path, "model.safetensors");
    const read = JSON.parse(await runPython(program, file)) as Record<string, [string, number[], string]>;
    const { tensors } = decodeSafetensors(await readFile(file));
    const ours = tensors.map(({ name, shape, data }) => {
      const first = Buffer.from(data.buffer, data.byteOffset, 2).toString("hex");
      return [name, [dtype, shape, first]];
    });
    expect(read).toEqual(Object.fromEntries(ours));
    expect(Object.keys(read).sort()).toEqual(["dense/bias", "dense/kernel"]);
  }, 60_000);

  it("of one state have the same bytes and digest again, another digest than in float32", async () => {
    const digests = await Promise.all(
      [weightStorage, weightStorage, "float32" as const].map(async (storage) => {
        using run = tempRun();
        await run.store.acquire(1);
        return (await run.store.commit(1, makeContents({ step: 1, weightStorage: storage }))).digest;
      }),
    );
    expect(digests[0]).toBe(digests[1]);
    expect(digests[0]).not.toBe(digests[2]);
  });
});

it("a tensor with a finite value beyond the format's range stays float32, alone", async () => {
  const tensor = (name: string, ...values: number[]) => {
    return { name, dtype: "F32", shape: [values.length], data: Float32Array.from(values) } as const;
  };
  const model = [tensor("fits", 1, 65_504), tensor("large", 1, 65_520), tensor("broken", Infinity, Number.NaN)];
  const stored = await storeWeights({ model, optimizer: [] }, "float16");
  expect(stored.model.map(({ dtype }) => dtype)).toEqual(["F16", "F32", "F16"]);
  expect(stored.optimizer.map(({ name }) => name)).toEqual(["fits/master", "broken/master"]);
  const restored = await restoreWeights(stored);
  expect(byName(restored.model)).toEqual(byName(model));
});

it("large tensors are converted in pieces, none lost at their borders", async () => {
  const length = (1 << 22) + 3;
  const data = Float32Array.from({ length }, (_, index) => index % 256);
  const state = { model: [{ name: "w", dtype: "F32", shape: [length], data } as const], optimizer: [] };
  const { model } = await restoreWeights(await storeWeights(state, "bfloat16"));
  expect(Buffer.compare(Buffer.from(model[0]!.data.buffer), Buffer.from(data.buffer))).toBe(0);
});
