import type { Keep, TopicRecord } from "@anneal/kafka";
import { murmur3 } from "../keys.ts";
import type { KeyShare } from "./declaration.ts";

/** Whether a record is on the asked side of all splits: by its key, so that all records of one key are; without one, by its place. */
export function keepShares(shares: readonly KeyShare[]): Keep {
  if (shares.length === 0) return () => true;
  const place = new DataView(new ArrayBuffer(12));
  const bytesOf = ({ key, partition, offset }: TopicRecord): Uint8Array => {
    if (key !== null) return key;
    place.setUint32(0, partition, true);
    place.setFloat64(4, offset, true);
    return new Uint8Array(place.buffer);
  };
  return (record) => {
    const bytes = bytesOf(record);
    return shares.every(({ seed, from, to }) => {
      const number = murmur3(bytes, seed) / 2 ** 32;
      return number >= from && number < to;
    });
  };
}
