import * as tf from "@tensorflow/tfjs";
import { float } from "../inputs.ts";
import { type LayerCases, layerCase } from "./case.ts";

const vectors = float([4, 6]);
const sequences = float([2, 3, 4]);

/** Layers that draw while training. */
export const noiseLayerCases: LayerCases = {
  Dropout: [
    layerCase([vectors], () => tf.layers.dropout({ rate: 0.4 })),
    layerCase([sequences], () => tf.layers.dropout({ rate: 0.4, noiseShape: [2, 1, 4], seed: 5 })),
    // Two in a row draw different numbers.
    layerCase([vectors], () =>
      tf.sequential({ layers: [tf.layers.dropout({ rate: 0.3, inputShape: [6] }), tf.layers.dropout({ rate: 0.3 })] }),
    ),
  ],
  SpatialDropout1D: [layerCase([sequences], () => tf.layers.spatialDropout1d({ rate: 0.5 }))],
  GaussianNoise: [layerCase([vectors], () => tf.layers.gaussianNoise({ stddev: 0.3 }))],
  GaussianDropout: [layerCase([vectors], () => tf.layers.gaussianDropout({ rate: 0.3 }))],
  AlphaDropout: [
    layerCase([vectors], () => tf.layers.alphaDropout({ rate: 0.3 })),
    layerCase([sequences], () => tf.layers.alphaDropout({ rate: 0.3, noiseShape: [2, 1, 4] })),
  ],
};
