/**
 * Ops of tfjs-node that no graph can hold because what they return has a shape that only the data tells. Each reason goes on
 * after "the op ...".
 */
export const dataDependentOps: Readonly<Record<string, string>> = {
  NonMaxSuppressionV3: "returns as many boxes as it keeps, which depends on data",
  NonMaxSuppressionV4: "returns as many boxes as it keeps, which depends on data",
  NonMaxSuppressionV5: "returns as many boxes as it keeps, which depends on data",
  UniqueV2: "returns as many values as differ, which depends on data",
  Where: "returns as many places as are true, which depends on data",
};

const complex = "works on complex numbers, which a graph does not hold";
const text = "works on text or files, which a graph does not hold";
const summary = "writes a log while it runs, which a graph does not";

/** Ops of tfjs-node that have no row for another reason. */
export const unsupportedOps: Readonly<Record<string, string>> = {
  Complex: complex,
  ComplexAbs: complex,
  FFT: complex,
  IFFT: complex,
  Imag: complex,
  Real: complex,
  DecodeBmp: text,
  DecodeGif: text,
  DecodeJpeg: text,
  DecodePng: text,
  EncodeJpeg: text,
  EncodePng: text,
  StaticRegexReplace: text,
  CreateSummaryFileWriter: summary,
  FlushSummaryWriter: summary,
  SummaryWriter: summary,
  WriteScalarSummary: summary,
  WriteSummary: summary,
  Multinomial: "draws from a generator of its own, which does not follow the run's seed",
};
