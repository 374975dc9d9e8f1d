import type { TopicRecord } from "@anneal/kafka";
import { expect, test } from "vitest";
import type { FieldSpec } from "../fields.ts";
import { checkedSample } from "../generator/sample-checks.ts";
import { type KeyShare, type TopicFormat, type TopicOptions, topicSource } from "./declaration.ts";
import { createDecoder } from "./decode.ts";
import { keepShares } from "./shares.ts";

const connection = { brokers: ["localhost:9092"] };
const inputs: FieldSpec = { shape: [2], dtype: "float32" };
const labels: FieldSpec = { shape: [], dtype: "int32" };

const record = (value: string | Uint8Array | null, more: Partial<TopicRecord> = {}): TopicRecord => ({
  partition: 0,
  offset: 5,
  timestamp: 0,
  key: null,
  value: value === null ? null : Buffer.from(value),
  ...more,
});

async function decodeWith(format: TopicFormat, read: TopicRecord) {
  const decode = await createDecoder(format, inputs, labels);
  const fields = { inputField: inputs, labelField: labels, numClasses: null };
  const { input, label, failure } = checkedSample(
    fields,
    0,
    () => decode(read),
    () => "the record",
  );
  return failure === null ? [[...input], [...label]] : String(failure.facts.reason);
}

const json: TopicFormat = { kind: "json", inputs: ["user.age", "price"], label: "clicked" };

test.each([
  [{ user: { age: 31 }, price: 2.5, clicked: true }, [[31, 2.5], [1]]],
  [{ user: { age: 31 }, price: "2.5", clicked: 1 }, 'its field price is no number: "2.5"'],
  [{ user: null, price: 1, clicked: 1 }, "its field user.age is missing"],
  [{ user: { age: [1, 2] }, price: 3, clicked: 1 }, "its input has 3 elements, not those of float32[2]"],
  [{ user: { age: 1 }, price: 3, clicked: 0.5 }, "its label has 0.5, which is no int32"],
])("JSON %j", async (value, expected) => {
  expect(await decodeWith(json, record(JSON.stringify(value)))).toEqual(expected);
});

test("what is no JSON, no UTF-8 or nothing at all is a bad record", async () => {
  expect(await decodeWith(json, record("{"))).toMatch(/JSON/);
  expect(await decodeWith(json, record(Uint8Array.of(0x22, 0xff, 0x22)))).toMatch(/encoded data/);
  expect(await decodeWith(json, record(null))).toMatch(/no value/);
});

test("raw bytes, wherever they lie in the broker's answer; others are told by their length", async () => {
  const bytes = Buffer.alloc(13);
  bytes.writeFloatLE(1.5, 1);
  bytes.writeFloatLE(-2, 5);
  bytes.writeInt32LE(3, 9);
  expect(await decodeWith({ kind: "raw" }, record(null, { value: bytes.subarray(1) }))).toEqual([[1.5, -2], [3]]);
  expect(await decodeWith({ kind: "raw" }, record(null, { value: bytes }))).toBe(
    "it has 13 bytes, not the 8 of its input and the 4 of its label",
  );
});

test("a decoder of the person's own gets record and options; what it throws is the record's failure", async () => {
  const module = import.meta.resolve("../fixtures/generators.ts");
  const own: TopicFormat = { kind: "module", module, exportName: "decodePair", options: { scale: 10 } };
  expect(await decodeWith(own, record("1,2", { key: Buffer.from("abc") }))).toEqual([[10, 20], [3]]);
  expect(await decodeWith(own, record(null))).toEqual(expect.any(String));
  await expect(createDecoder({ ...own, exportName: "absent" }, inputs, labels)).rejects.toMatchObject({
    code: "SOURCE_FAILED",
  });
});

test("records of one key are on one side; sides share none; about so many are on each", () => {
  const share = (from: number, to: number): KeyShare => ({ seed: 3, from, to });
  const sides = [keepShares([share(0, 0.25)]), keepShares([share(0.25, 1)])];
  const keyed = Array.from({ length: 4_000 }, (_, i) => record("", { offset: i, key: Buffer.from(`k${i % 1_000}`) }));
  const sideOf = keyed.map((read) => sides.map((keep) => keep(read)).indexOf(true));
  expect(sideOf).not.toContain(-1);
  expect(sideOf.slice(0, 1_000)).toEqual(sideOf.slice(1_000, 2_000));
  for (const list of [keyed, Array.from({ length: 4_000 }, (_, i) => record("", { offset: i }))]) {
    const numHeld = list.filter(sides[0]!).length;
    expect(numHeld + list.filter(sides[1]!).length).toBe(list.length);
    expect(Math.abs(numHeld / list.length - 0.25)).toBeLessThan(0.04);
  }
});

const options: TopicOptions = { connection, topic: "t", format: { kind: "raw" }, inputs, labels };

test("times are given in any form; what lies ahead or is none is refused", () => {
  const source = topicSource({ ...options, from: "2026-01-01T00:00:00Z", to: 1_767_225_600_001 });
  expect([source.from, source.to]).toEqual([1_767_225_600_000, 1_767_225_600_001]);
  for (const wrong of [{ from: "yesterday" }, { to: Date.now() + 1e6 }, { numClasses: 0 }]) {
    expect(() => topicSource({ ...options, ...wrong })).toThrow(RangeError);
  }
  expect(() => topicSource({ ...options, inputs: { shape: [null], dtype: "uint8", capacity: 9 } })).toThrow(
    /one length/,
  );
});
