import type { Manifest } from "@anneal/contracts";
import { expect, test } from "vitest";
import { formatProvenance, provenanceOf } from "./provenance.ts";

const manifest = {
  runId: "clicks-1",
  digest: "ab".repeat(32),
  recipe: { name: "clicks", digest: "cd" },
  exact: true,
  fingerprint: { "data.train": "ef", "data.validation": null, cpu: "x" },
  state: {
    step: 1_200,
    cursor: {
      item: 1_200,
      topic: {
        topic: "clicks",
        topicId: "id-1",
        pass: 1,
        index: 70,
        partitions: [
          { partition: 0, from: 0, to: 100, next: 40, ahead: [[43, 45]] },
          { partition: 1, from: 10, to: 40, next: 40 },
          { partition: 2, from: 5, to: 5, next: 5 },
        ],
      },
    },
    corrections: { learningRateScale: 1, skippedSteps: [6], numRecoveries: 1 },
  },
} as unknown as Manifest;

test("says which offsets of which topic trained a checkpoint, and how often", () => {
  const lines = formatProvenance(provenanceOf("/runs/c", manifest)).split("\n");
  const table = lines.slice(lines.indexOf("") + 3).map((line) => line.trim().split(/\s{2,}/));
  expect(table).toEqual([
    ["0", "0-39", "2 times"],
    ["0", "40-42", "once"],
    ["0", "43-44", "2 times"],
    ["0", "45-99", "once"],
    ["1", "10-39", "2 times"],
  ]);
  expect(lines.join("\n")).toMatch(/topic +clicks \(id-1\)/);
  expect(lines.join("\n")).toMatch(/without +the batches of steps 7/);
});

test("windows are trained once each, from where the first began", () => {
  const partitions = [{ partition: 0, start: 5, from: 80, to: 120, next: 90, ahead: [[95, 96]] }];
  const cursor = { ...manifest.state.cursor, topic: { ...manifest.state.cursor.topic!, pass: 7, partitions } };
  const windows = { ...manifest, state: { ...manifest.state, cursor } } as unknown as Manifest;
  const lines = formatProvenance(provenanceOf("/runs/c", windows)).split("\n");
  expect(lines.slice(-2).map((line) => line.trim().split(/\s{2,}/))).toEqual([
    ["0", "5-89", "once"],
    ["0", "95-95", "once"],
  ]);
});

test("of other data there are the digests", () => {
  const { cursor, ...state } = manifest.state;
  const other = { ...manifest, state: { ...state, cursor: { item: cursor.item } } };
  const provenance = provenanceOf("/runs/c", other);
  expect(provenance).toMatchObject({ topic: null, data: { train: "ef", validation: null, test: null } });
  expect(formatProvenance(provenance)).toMatch(/train data +ef/);
});
