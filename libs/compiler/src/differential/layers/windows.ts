import * as tf from "@tensorflow/tfjs";
import { float } from "../inputs.ts";
import { type LayerCases, layerCase } from "./case.ts";

const images = float([2, 5, 6, 3]);
const channelsFirst = float([2, 3, 5, 6]);
const sequences = float([2, 7, 3]);
const volumes = float([1, 4, 5, 4, 2]);

/** Convolutions, pools and what changes the size of images. */
export const windowLayerCases: LayerCases = {
  Conv1D: [
    layerCase([sequences], () => tf.layers.conv1d({ filters: 4, kernelSize: 3 })),
    layerCase([sequences], () =>
      tf.layers.conv1d({ filters: 4, kernelSize: 3, padding: "same", strides: 2, activation: "relu" }),
    ),
  ],
  Conv2D: [
    layerCase([images], () => tf.layers.conv2d({ filters: 4, kernelSize: 3 })),
    layerCase([images], () =>
      tf.layers.conv2d({
        filters: 4,
        kernelSize: [3, 2],
        padding: "same",
        strides: 2,
        activation: "relu",
        useBias: false,
      }),
    ),
    layerCase([channelsFirst], () => tf.layers.conv2d({ filters: 4, kernelSize: 3, dataFormat: "channelsFirst" })),
  ],
  Conv3D: [
    layerCase([volumes], () => tf.layers.conv3d({ filters: 3, kernelSize: 2 })),
    layerCase([volumes], () => tf.layers.conv3d({ filters: 3, kernelSize: 2, padding: "same", strides: 2 })),
  ],
  Conv2DTranspose: [
    layerCase([float([2, 3, 3, 4])], () => tf.layers.conv2dTranspose({ filters: 3, kernelSize: 3, strides: 2 })),
    layerCase([float([2, 3, 3, 4])], () =>
      tf.layers.conv2dTranspose({ filters: 3, kernelSize: 3, strides: 2, padding: "same", activation: "sigmoid" }),
    ),
  ],
  Conv3DTranspose: [
    layerCase(
      [float([1, 2, 3, 2, 2])],
      () => tf.layers.conv3dTranspose({ filters: 2, kernelSize: 2, strides: 2 }),
      "none",
    ),
  ],
  SeparableConv2D: [
    layerCase([images], () => tf.layers.separableConv2d({ filters: 4, kernelSize: 3, depthMultiplier: 2 })),
    layerCase([images], () => tf.layers.separableConv2d({ filters: 4, kernelSize: 3, padding: "same", strides: 2 })),
  ],
  DepthwiseConv2D: [
    layerCase([images], () => tf.layers.depthwiseConv2d({ kernelSize: 3, depthMultiplier: 2 })),
    layerCase([images], () =>
      tf.layers.depthwiseConv2d({ kernelSize: 3, padding: "same", strides: 2, activation: "relu6" }),
    ),
  ],
  Cropping2D: [
    layerCase([images], () =>
      tf.layers.cropping2D({
        cropping: [
          [1, 0],
          [2, 1],
        ],
      }),
    ),
  ],
  UpSampling2D: [
    layerCase([images], () => tf.layers.upSampling2d({ size: [2, 3] })),
    layerCase([images], () => tf.layers.upSampling2d({ size: [2, 2], interpolation: "bilinear" })),
  ],
  ZeroPadding2D: [
    layerCase([images], () =>
      tf.layers.zeroPadding2d({
        padding: [
          [1, 0],
          [2, 1],
        ],
      }),
    ),
  ],
  MaxPooling1D: [
    layerCase([sequences], () => tf.layers.maxPooling1d({ poolSize: 2 })),
    layerCase([sequences], () => tf.layers.maxPooling1d({ poolSize: 3, strides: 2, padding: "same" })),
  ],
  AveragePooling1D: [
    layerCase([sequences], () => tf.layers.averagePooling1d({ poolSize: 2 })),
    layerCase([sequences], () => tf.layers.averagePooling1d({ poolSize: 3, strides: 2, padding: "same" })),
  ],
  MaxPooling2D: [
    layerCase([images], () => tf.layers.maxPooling2d({ poolSize: 2 })),
    layerCase([images], () => tf.layers.maxPooling2d({ poolSize: 3, strides: 2, padding: "same" })),
    layerCase([channelsFirst], () => tf.layers.maxPooling2d({ poolSize: 2, dataFormat: "channelsFirst" })),
  ],
  AveragePooling2D: [
    layerCase([images], () => tf.layers.averagePooling2d({ poolSize: 2 })),
    layerCase([images], () => tf.layers.averagePooling2d({ poolSize: 3, strides: 2, padding: "same" })),
  ],
  MaxPooling3D: [layerCase([volumes], () => tf.layers.maxPooling3d({ poolSize: 2, strides: 2 }))],
  AveragePooling3D: [layerCase([volumes], () => tf.layers.averagePooling3d({ poolSize: 2, strides: 2 }))],
  GlobalAveragePooling1D: [layerCase([sequences], () => tf.layers.globalAveragePooling1d())],
  GlobalMaxPooling1D: [layerCase([sequences], () => tf.layers.globalMaxPooling1d())],
  GlobalAveragePooling2D: [
    layerCase([images], () => tf.layers.globalAveragePooling2d({})),
    layerCase([channelsFirst], () => tf.layers.globalAveragePooling2d({ dataFormat: "channelsFirst" })),
  ],
  GlobalMaxPooling2D: [layerCase([images], () => tf.layers.globalMaxPooling2d({}))],
  Rescaling: [layerCase([images], () => tf.layers.rescaling({ scale: 0.5, offset: 1 }))],
  Resizing: [
    layerCase([images], () => tf.layers.resizing({ height: 7, width: 4 })),
    layerCase([images], () => tf.layers.resizing({ height: 3, width: 9, interpolation: "nearest" })),
  ],
  CenterCrop: [
    layerCase([images], () => tf.layers.centerCrop({ height: 3, width: 4 }), "none"),
    layerCase([images], () => tf.layers.centerCrop({ height: 8, width: 8 })),
  ],
};
