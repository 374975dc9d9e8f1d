import type { OpFamily } from "./row.ts";

/** Where values come from: constants and feeds. */
export const sourceOps: OpFamily = {
  Const: {
    kind: "source",
    infer: (call) => {
      const found = call.attributes.value;
      if (found?.kind !== "tensor") return call.fail("needs a value");
      return [{ dtype: found.value.dtype, shape: found.value.shape }];
    },
  },
  Placeholder: {
    kind: "source",
    stateful: true,
    infer: (call) => [{ dtype: call.type("dtype"), shape: call.shape("shape") }],
  },
};
