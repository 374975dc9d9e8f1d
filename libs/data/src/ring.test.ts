import { AnnealError } from "@anneal/contracts";
import { expect, test } from "vitest";
import { createRing, Ring } from "./ring.ts";
import { RingReader, readWaitStats } from "./ring-reader.ts";
import type { Schedule } from "./schedule.ts";

const schedule: Schedule = {
  seed: 1,
  batchSize: 5,
  epochs: 2,
  shuffle: false,
  phases: [{ phase: "train", numSamples: 12 }],
};

const partSize = 2;

function makeRing(options: { startItem?: number; numSlots?: number } = {}) {
  const { startItem = 0, numSlots = 2 } = options;
  const handles = createRing({
    schedule,
    inputs: { shape: [3, 3, 1], dtype: "uint8" },
    labels: { shape: [], dtype: "int32" },
    numSlots,
    startItem,
    stopItem: 6,
  });
  return { ring: new Ring(handles), reader: new RingReader(handles), handles };
}

function produce(ring: Ring, item: number, value: number): void {
  ring.assign(item, partSize);
  ring.slotOf(item).inputs.fill(value);
  ring.slotOf(item).labels.fill(value);
  for (let part = 0; part < ring.numPartsOf(item); part++) ring.finishPart(item, part, 0);
}

test("every slot's inputs and labels lie on multiples of 64 bytes, and none overlap", () => {
  const { ring, handles } = makeRing({ numSlots: 3 });
  const views = [0, 1, 2].flatMap((item) => [ring.slotOf(item).inputs, ring.slotOf(item).labels]);
  let end = 0;
  for (const view of views) {
    expect(view.byteOffset % 64).toBe(0);
    expect(view.byteOffset).toBeGreaterThanOrEqual(end);
    end = view.byteOffset + view.byteLength;
  }
  expect(end).toBeLessThanOrEqual(handles.data.byteLength);
});

test("gives views of the slots, cut to the samples of the batch", () => {
  const { ring, reader } = makeRing();
  for (let item = 0; item < 3; item++) {
    produce(ring, item, item + 1);
    const batch = reader.next()!;
    expect(batch.inputs.buffer).toBe(ring.handles.data);
    expect(batch).toMatchObject({ index: item, epoch: 0, phase: "train", numSamples: item === 2 ? 2 : 5 });
    expect([...batch.inputs]).toEqual(new Array(batch.numSamples * 9).fill(item + 1));
    expect([...batch.labels]).toEqual(new Array(batch.numSamples).fill(item + 1));
    reader.release(item);
  }
});

test("an item is ready when its last part is done, in any order, and repeating a part changes nothing", () => {
  const { ring } = makeRing();
  ring.assign(0, partSize);
  for (const part of [2, 0, 0, 2]) ring.finishPart(0, part, part === 2 ? 2 : 0);
  expect(ring.isReady(0)).toBe(false);
  ring.finishPart(0, 1, 1);
  expect(ring.isReady(0)).toBe(true);
  expect(ring.numBadOf(0)).toBe(3);
  expect(ring.isReady(2)).toBe(false); // same slot, another item
});

test("items are released in order, and only after they were taken", () => {
  const { ring, reader } = makeRing();
  produce(ring, 0, 1);
  produce(ring, 1, 2);
  expect(() => reader.release(0)).toThrow("not taken");
  reader.next();
  reader.next();
  expect(() => reader.release(1)).toThrow("item 0 must be released before");
  expect(() => reader.next()).toThrow("all 2 slots are held");
  reader.release(0);
  expect(ring.released).toBe(1);
});

test("starts at any item and ends after the last", () => {
  const { ring, reader } = makeRing({ startItem: 5 });
  expect(ring.released).toBe(5);
  produce(ring, 5, 9);
  expect(reader.next()).toMatchObject({ index: 5, epoch: 1, batch: 2, isLastOfPhase: true });
  reader.release(5);
  expect(reader.next()).toBeNull();
});

test("a failure reaches the reader after the batches that were ready; only the first counts", () => {
  const { ring, reader } = makeRing();
  produce(ring, 0, 1);
  const first = new AnnealError("TRANSFORM_FAILED", "Zürich – “x”", "Mend it.", { sampleIndex: 3 });
  ring.fail(first.toRecord());
  ring.fail(new AnnealError("INTERNAL", "later", "").toRecord());
  expect(reader.next()).toMatchObject({ index: 0 });
  expect(() => reader.next()).toThrow(expect.objectContaining(first.toRecord()));
});

test("a failure longer than its place keeps code and remedy", () => {
  const { ring, reader } = makeRing();
  ring.fail({ code: "TRANSFORM_FAILED", message: "é".repeat(50_000), remedy: "Mend it.", facts: {} });
  expect(() => reader.next()).toThrow(expect.objectContaining({ code: "TRANSFORM_FAILED", remedy: "Mend it." }));
});

test("closing ends the reader's wait with PREEMPTED", () => {
  const { ring, reader } = makeRing();
  ring.close();
  expect(() => reader.next()).toThrow(expect.objectContaining({ code: "PREEMPTED" }));
});

test("a wait for releases ends with a release, a failure and the closing", async () => {
  for (const end of [
    (ring: Ring) => ring.release(0),
    (ring: Ring) => ring.close(),
    (ring: Ring) => ring.fail(new AnnealError("INTERNAL", "", "").toRecord()),
  ]) {
    const { ring } = makeRing();
    const waiting = ring.untilReleased(0);
    end(ring);
    await waiting;
  }
});

test("counts batches that were ready as no wait", () => {
  const { ring, reader, handles } = makeRing();
  produce(ring, 0, 1);
  reader.next();
  expect(readWaitStats(handles)).toEqual({ numItems: 1, totalMs: 0, boundaryMs: 0, startMs: 0 });
});
