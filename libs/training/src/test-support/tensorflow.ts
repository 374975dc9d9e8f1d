import { availableParallelism } from "node:os";
import { loadTensorflow, type Tfjs } from "@anneal/runtime";

/** TensorFlow.js on the real TensorFlow, loaded once for a test file. */
export function testTensorflow(): Tfjs {
  return loadTensorflow({ numIntraOpThreads: availableParallelism(), numInterOpThreads: 1 }).tf;
}
