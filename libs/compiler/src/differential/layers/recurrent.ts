import * as tf from "@tensorflow/tfjs";
import { float } from "../inputs.ts";
import { type Layer, type LayerCase, type LayerCases, layerCase } from "./case.ts";

const sequences = float([2, 4, 3]);
const films = float([1, 3, 4, 4, 2]);

function both(make: (args: { units: number; [option: string]: unknown }) => Layer): readonly LayerCase[] {
  return [
    layerCase([sequences], () => make({ units: 3 })),
    layerCase([sequences], () => make({ units: 2, returnSequences: true, goBackwards: true, useBias: false })),
    layerCase([sequences], () => make({ units: 2, returnSequences: true, returnState: true })),
    layerCase([sequences], () => make({ units: 3, dropout: 0.4, recurrentDropout: 0.3, activation: "relu" })),
  ];
}

/** A cell on its own, over every step of a sequence. */
function cell(make: () => Layer): readonly LayerCase[] {
  return [layerCase([sequences], () => tf.layers.rnn({ cell: make() as never, returnSequences: true }))];
}

export const recurrentLayerCases: LayerCases = {
  SimpleRNN: both((args) => tf.layers.simpleRNN(args as never)),
  GRU: [
    ...both((args) => tf.layers.gru({ recurrentActivation: "sigmoid", ...args } as never)),
    layerCase([sequences], () => tf.layers.gru({ units: 3 })),
  ],
  LSTM: [
    ...both((args) => tf.layers.lstm(args as never)),
    layerCase([sequences], () => tf.layers.lstm({ units: 3, unitForgetBias: false, recurrentActivation: "sigmoid" })),
    // States that a graph of layers hands on.
    layerCase([sequences], () => encoderDecoder()),
  ],
  RNN: [layerCase([sequences], () => tf.layers.rnn({ cell: tf.layers.gruCell({ units: 3 }) }))],
  SimpleRNNCell: cell(() => tf.layers.simpleRNNCell({ units: 3 })),
  GRUCell: cell(() => tf.layers.gruCell({ units: 3 })),
  LSTMCell: cell(() => tf.layers.lstmCell({ units: 3 })),
  StackedRNNCells: cell(() =>
    tf.layers.stackedRNNCells({
      cells: [tf.layers.lstmCell({ units: 3 }), tf.layers.gruCell({ units: 2 })],
    }),
  ),
  ConvLSTM2D: [
    layerCase([films], () => tf.layers.convLstm2d({ filters: 2, kernelSize: 2 })),
    layerCase([films], () =>
      tf.layers.convLstm2d({ filters: 2, kernelSize: 3, padding: "same", returnSequences: true, dropout: 0.3 }),
    ),
  ],
  // Within the layer: on its own it takes no list of inputs.
  ConvLSTM2DCell: [layerCase([films], () => tf.layers.convLstm2d({ filters: 2, kernelSize: 2, strides: 2 }))],
  Bidirectional: [
    ...(["concat", "sum", "mul", "ave"] as const).map((mergeMode) =>
      layerCase([sequences], () =>
        tf.layers.bidirectional({ layer: tf.layers.lstm({ units: 2 }) as tf.RNN, mergeMode }),
      ),
    ),
    layerCase([sequences], () =>
      tf.layers.bidirectional({
        layer: tf.layers.gru({ units: 2, returnSequences: true }) as tf.RNN,
        mergeMode: "concat",
      }),
    ),
  ],
  TimeDistributed: [
    layerCase([sequences], () => tf.layers.timeDistributed({ layer: tf.layers.dense({ units: 2 }) })),
    layerCase([films], () =>
      tf.layers.timeDistributed({ layer: tf.layers.conv2d({ filters: 2, kernelSize: 2, activation: "relu" }) }),
    ),
  ],
};

function encoderDecoder(): tf.LayersModel {
  const input = tf.input({ shape: [4, 3] });
  const encoder = tf.layers.lstm({ units: 3, returnState: true });
  const [, h, c] = encoder.apply(input) as tf.SymbolicTensor[];
  const decoder = tf.layers.lstm({ units: 3, returnSequences: true });
  return tf.model({ inputs: input, outputs: decoder.apply(input, { initialState: [h!, c!] }) as tf.SymbolicTensor });
}
