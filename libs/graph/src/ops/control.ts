import { type OpFamily, viewOfFirst } from "./row.ts";

/**
 * Which part of a graph runs. `Switch` hands its input to one of two outputs and leaves the other dead; what needs a dead
 * value does not run; `Merge` takes the one of its inputs that is alive.
 */
export const controlOps: OpFamily = {
  Switch: { kind: "control", stateful: true, viewOf: viewOfFirst, infer: (call) => [call.input(0), call.input(0)] },
  Merge: {
    kind: "control",
    stateful: true,
    viewOf: viewOfFirst,
    infer: (call) => [call.input(0), { dtype: "int32", shape: [] }],
  },
  NoOp: { kind: "control", stateful: true, infer: () => [] },
};
