/**
 * What the installed TensorFlow.js has and the compiler has not, and why. Each reason goes on after "it ...". The same tables are in
 * docs/compiler.md: a test compares them.
 */
const noKernel = "has no kernel in the TensorFlow backend of TensorFlow.js: the eager engine has none either";
const dataShape = "returns a shape that depends on values";
const reads = "reads values back while it runs";
const complex = "works on complex numbers, which a graph does not hold";
const text = "works on text, which a graph does not hold";

/** Layers by class. */
export const unsupportedLayers: Readonly<Record<string, string>> = {
  CategoryEncoding: reads,
  RandomWidth: "draws the width of its output: a shape that depends on values",
};

/** Functions by public name. */
export const unsupportedFunctions: Readonly<Record<string, string>> = {
  bitwiseAnd: noKernel,
  booleanMaskAsync: dataShape,
  complex: complex,
  denseBincount: noKernel,
  fft: complex,
  ifft: complex,
  imag: complex,
  "image.nonMaxSuppression": dataShape,
  "image.nonMaxSuppressionAsync": dataShape,
  "image.nonMaxSuppressionPadded": dataShape,
  "image.nonMaxSuppressionPaddedAsync": dataShape,
  "image.nonMaxSuppressionWithScore": dataShape,
  "image.nonMaxSuppressionWithScoreAsync": dataShape,
  "image.rotateWithOffset": noKernel,
  "image.transform": noKernel,
  inTopKAsync: reads,
  irfft: complex,
  lowerBound: noKernel,
  maxPoolWithArgmax: noKernel,
  print: reads,
  raggedGather: noKernel,
  raggedRange: noKernel,
  raggedTensorToTensor: noKernel,
  rand: "draws from a function of JavaScript, which a graph would draw from once",
  real: complex,
  rfft: complex,
  searchSorted: noKernel,
  setdiff1dAsync: dataShape,
  "signal.stft": complex,
  "sparse.sparseFillEmptyRows": noKernel,
  "sparse.sparseReshape": noKernel,
  "sparse.sparseSegmentMean": noKernel,
  "sparse.sparseSegmentSum": noKernel,
  "spectral.fft": complex,
  "spectral.ifft": complex,
  "spectral.irfft": complex,
  "spectral.rfft": complex,
  "string.staticRegexReplace": text,
  "string.stringNGrams": noKernel,
  "string.stringSplit": noKernel,
  "string.stringToHashBucketFast": noKernel,
  unique: dataShape,
  upperBound: noKernel,
  whereAsync: dataShape,
};

/** Kernels, which functions and gradients run, by name. */
export const unsupportedKernels: Readonly<Record<string, string>> = {
  BitwiseAnd: noKernel,
  BroadcastTo: "is run by no function of TensorFlow.js: it writes it with other kernels",
  Complex: complex,
  ComplexAbs: complex,
  DenseBincount: noKernel,
  Draw: noKernel,
  FFT: complex,
  IFFT: complex,
  Imag: complex,
  LogSoftmax: "is run by no function of TensorFlow.js: it writes it with other kernels",
  MaxPoolWithArgmax: noKernel,
  Multinomial:
    "draws from a generator of its own; `multinomial` is run by another kernel, which follows the run's seed",
  NonMaxSuppressionV3: dataShape,
  NonMaxSuppressionV4: dataShape,
  NonMaxSuppressionV5: dataShape,
  RaggedGather: noKernel,
  RaggedRange: noKernel,
  RaggedTensorToTensor: noKernel,
  Real: complex,
  RotateWithOffset: noKernel,
  SearchSorted: noKernel,
  SparseFillEmptyRows: noKernel,
  SparseReshape: noKernel,
  SparseSegmentMean: noKernel,
  SparseSegmentSum: noKernel,
  StaticRegexReplace: text,
  StringNGrams: noKernel,
  StringSplit: noKernel,
  StringToHashBucketFast: noKernel,
  Transform: noKernel,
  Unique: dataShape,
};
