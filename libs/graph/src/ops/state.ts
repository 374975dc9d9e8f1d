import { type OpFamily, type OpRow, rows, viewOfFirst } from "./row.ts";

const handle = { dtype: "resource", shape: [] } as const;
/** Updates a variable through its handle, returns nothing. */
const update: OpRow = { kind: "state", stateful: true, infer: () => [] };

/** Variables: they live in the session, and are read and updated through their handles. */
export const stateOps: OpFamily = {
  VarHandleOp: { kind: "state", infer: () => [handle] },
  ReadVariableOp: {
    kind: "state",
    stateful: true,
    // The variable's own memory.
    viewOf: viewOfFirst,
    infer: (call) => [{ dtype: call.type("dtype"), shape: call.shape("_shape") }],
  },
  ...rows(
    [
      "AssignAddVariableOp",
      "AssignVariableOp",
      "AssignSubVariableOp",
      "ResourceApplyAdam",
      "ResourceApplyGradientDescent",
      "ResourceApplyMomentum",
    ],
    update,
  ),
};
