export { type AffineFormat, affineFormatOf, fromWhole, toWhole, type ValueRange } from "./affine.ts";
export { calibrate } from "./calibrate.ts";
export {
  type ChannelLayout,
  channelLayout,
  channelScales,
  quantizeBias,
  quantizeChannels,
  scalesForBias,
} from "./channels.ts";
export { Histogram } from "./histogram.ts";
