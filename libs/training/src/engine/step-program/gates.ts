import { attribute, makeNode, makeValue, type Node, typeAttribute, typeOf, type Value } from "@anneal/graph";

/** Half the sum of all squares: one pass over each gradient, which clipping by the global norm needs anyway. */
export function gradientScale(gradients: readonly Value[]): Value {
  const halves = gradients.map((gradient) => makeValue("L2Loss", [gradient], typeAttribute("T", "float32")));
  return makeValue("AddN", halves, { ...typeAttribute("T", "float32"), N: attribute.int(halves.length) });
}

export function finite(value: Value): Value {
  return makeValue("IsFinite", [value], typeAttribute("T", "float32"));
}

export function both(a: Value, b: Value): Value {
  return makeValue("LogicalAnd", [a, b]);
}

/** Lets values through where `condition` holds; elsewhere they are dead, and so is what needs them. */
export function gateOf(condition: Value): (value: Value) => Value {
  return (value) => {
    const node = makeNode("Switch", [value, condition], typeAttribute("T", typeOf(value).dtype));
    return { node, index: 1 };
  };
}

/** Runs once the updates have run, or `condition` has kept them from running. */
export function whenDone(condition: Value, updates: readonly Node[]): Node {
  const type = typeAttribute("T", "bool");
  const branches = makeNode("Switch", [condition, condition], type);
  const skipped = makeValue("Identity", [{ node: branches, index: 0 }], type);
  const applied = makeValue("Identity", [{ node: branches, index: 1 }], type, { controls: updates });
  return makeNode("Merge", [skipped, applied], { ...type, N: attribute.int(2) });
}
