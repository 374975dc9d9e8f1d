import type { Tfjs } from "@anneal/runtime";

/** Classes of layers that the installed TensorFlow.js can make from a saved model: all that there are. */
export function layerClasses(tf: Tfjs): readonly string[] {
  const { classNameMap } = tf.serialization.SerializationMap.getMap();
  const isLayer = ([registered]: readonly [unknown, unknown]) =>
    (registered as { readonly prototype: unknown }).prototype instanceof tf.layers.Layer;
  return Object.entries(classNameMap).flatMap(([name, entry]) => (isLayer(entry) ? [name] : []));
}

/** Kernels of TensorFlow.js: those of the TensorFlow backend and of its own for the CPU, and those that have a gradient. */
export function kernelNames(tf: Tfjs): readonly string[] {
  const registered = ["tensorflow", "cpu"].flatMap((backend) => tf.getKernelsForBackend(backend));
  // Kernels that no backend has are known by the constants of their names alone.
  const constants = Object.values<unknown>(tf as never).flatMap((value) => (typeof value === "string" ? [value] : []));
  return [...new Set([...registered.map(({ kernelName }) => kernelName), ...constants.filter(hasGradient(tf))])].sort();
}

export function hasGradient(tf: Tfjs): (kernelName: string) => boolean {
  return (kernelName) => tf.getGradient(kernelName) !== undefined;
}

export function isInBackend(tf: Tfjs): (kernelName: string) => boolean {
  return (kernelName) => tf.getKernel(kernelName, "tensorflow") !== undefined;
}

const namespaces = [
  "fused",
  "image",
  "linalg",
  "losses",
  "math",
  "metrics",
  "signal",
  "sparse",
  "spectral",
  "string",
] as const;

/** Public functions that compute something of tensors, such as `matMul` and `image.resizeBilinear`. */
export function functionNames(tf: Tfjs): readonly string[] {
  const inNamespaces = namespaces.flatMap((namespace) =>
    Object.keys(tf[namespace]).map((name) => `${namespace}.${name}`),
  );
  const atTop = Object.entries(tf).flatMap(([name, value]) =>
    typeof value === "function" && /^[a-z]/.test(name) && !notOps.has(name) ? [name] : [],
  );
  return [...atTop, ...inNamespaces].sort();
}

/** Functions that compute nothing: of the machinery, of models, and those that take other functions. */
// biome-ignore format: one list
const notOps = new Set([
  // Backends, kernels, and memory
  "backend", "copyRegisteredKernels", "deregisterOp", "deprecationWarn", "disableDeprecationWarnings", "dispose",
  "disposeVariables", "enableDebugMode", "enableProdMode", "engine", "env", "findBackend", "findBackendFactory",
  "forceHalfFloat", "getBackend", "getGradient", "getKernel", "getKernelsForBackend", "keep", "memory", "nextFrame", "op",
  "profile", "ready", "registerBackend", "registerGradient", "registerKernel", "registerOp", "removeBackend", "setBackend",
  "setPlatform", "setWebGLContext", "tidy", "time", "unregisterGradient", "unregisterKernel",
  // Models and training
  "input", "loadGraphModel", "loadGraphModelSync", "loadLayersModel", "model", "registerCallbackConstructor", "sequential",
  // Classes and functions of functions
  "grad", "grads", "train", "valueAndGrad", "valueAndGrads", "variableGrads",
  // Of numbers and types
  "cosineWindow", "enclosingPowerOfTwo", "sumOutType", "upcastType",
]);
