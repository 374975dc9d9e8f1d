import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { stateDigestOf } from "./digest.ts";
import { canonicalJson, hasDuplicateKeys } from "./json.ts";
import { makeContents } from "./test-support/contents.ts";
import { tempRunWith } from "./test-support/temp-run.ts";

const sha256 = (bytes: Uint8Array | string): string => createHash("sha256").update(bytes).digest("hex");

describe("state digest", () => {
  it("is what its description says, from the files alone", async () => {
    using run = await tempRunWith({ step: 12 });
    const [entry] = await run.store.list();
    const file = (name: string) => sha256(readFileSync(join(entry?.path ?? "", name)));
    const state =
      '{"accumulator":{"numSamples":1536,"sums":{"loss":4}},"best":null,"cursor":{"item":12},"epoch":1,' +
      '"history":[{"epoch":1,"step":10,"train":{"loss":0.30000000000000004},"validation":null}],' +
      '"numEpochsWithoutImprovement":0,"optimizer":{"step":12},"step":12,"stoppedEarly":false}';
    const text =
      `{"format":"anneal-state","model":"${file("model.safetensors")}",` +
      `"optimizer":"${file("optimizer.safetensors")}","state":${state},"version":1}`;
    expect(entry?.digest).toBe(sha256(text));
  });

  it("does not depend on time, attempt, place or the order of tensors and keys", async () => {
    using first = await tempRunWith({ step: 3 });
    using second = await tempRunWith();
    await second.store.acquire(8);
    const { draft, model, optimizer } = makeContents({ step: 3 });
    const state = Object.fromEntries(Object.entries(draft.state).reverse()) as typeof draft.state;
    const reversed = { model: [...model].reverse(), optimizer: [...optimizer].reverse() };
    const fingerprint = { cpu: "another" };
    const { digest } = await second.store.commit(8, {
      draft: { ...draft, runId: "b", fingerprint, state },
      ...reversed,
    });
    expect(digest).toBe((await first.store.list())[0]?.digest);
  });

  it("depends on every part of the state", () => {
    const { draft, model, optimizer } = makeContents({ step: 3 });
    const { state } = draft;
    const [kernel] = model;
    if (kernel === undefined) throw new Error("no tensor");
    const flipped = Uint8Array.from(new Uint8Array(kernel.data.buffer));
    flipped[5] = (flipped[5] ?? 0) ^ 1;
    const others = [
      { model, optimizer, state },
      { model: [{ ...kernel, data: new Float32Array(flipped.buffer) }, ...model.slice(1)], optimizer, state },
      { model: [{ ...kernel, name: "dense/kernels" }, ...model.slice(1)], optimizer, state },
      { model: [{ ...kernel, shape: [300, 2] }, ...model.slice(1)], optimizer, state },
      { model: [{ ...kernel, dtype: "I32" as const }, ...model.slice(1)], optimizer, state },
      { model: optimizer, optimizer: model, state },
      { model, optimizer: optimizer.slice(1), state },
      { model, optimizer, state: { ...state, step: 4 } },
      { model, optimizer, state: { ...state, accumulator: { numSamples: 384, sums: { loss: 1 + Number.EPSILON } } } },
      { model, optimizer, state: { ...state, optimizer: { step: 4 } } },
    ];
    expect(new Set(others.map(stateDigestOf)).size).toBe(others.length);
  });
});

describe("canonical JSON", () => {
  it("is JSON of the same value, whatever the order of keys", () => {
    const shuffled = (value: unknown): unknown => {
      if (Array.isArray(value)) return value.map(shuffled);
      if (typeof value !== "object" || value === null) return value;
      return Object.fromEntries(
        Object.entries(value)
          .reverse()
          .map(([key, member]) => [key, shuffled(member)]),
      );
    };
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const text = canonicalJson(value);
        expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(value)));
        expect(canonicalJson(shuffled(value))).toBe(text);
        expect(hasDuplicateKeys(text)).toBe(false);
      }),
    );
  });

  it.each([Number.NaN, Infinity, undefined, 1n, { deep: [Number.NaN] }])("refuses %s", (value) => {
    expect(() => canonicalJson(value)).toThrow(TypeError);
  });

  it.each([
    ['{"a":1,"a":2}', true],
    ['[{"b":{"a":1,"a":2}}]', true],
    ['{"a":{"a":1},"b":[{"a":2},"a","a"]}', false],
    ['{"a":"a","\\"a":["\\\\"],"b":{}}', false],
  ])("%s: names a key twice: %s", (text, expected) => {
    expect(hasDuplicateKeys(text)).toBe(expected);
  });
});
