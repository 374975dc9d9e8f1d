import type { MetricDirection } from "@anneal/contracts";
import type { Tensor } from "@tensorflow/tfjs";
import { hasShares } from "./losses.ts";

/** A scalar that a person watches beside the loss. */
export interface Metric {
  /** Whether less or more is better: decides what "best" means. */
  readonly direction: MetricDirection;
  /**
   * The metric of one batch: float32 per sample (`[batch]`), or a scalar that is the mean over the batch.
   * `labels` and `outputs` are as the loss sees them.
   */
  readonly compute: (labels: Tensor, outputs: Tensor) => Tensor;
}

/** Share of samples whose largest output is the labelled class. Labels: class indices, or shares of each class; outputs: one score a class. */
export function accuracy(): Metric {
  return {
    direction: "maximize",
    compute: (labels, outputs) => {
      const classes = hasShares(labels, outputs) ? labels.argMax(-1) : labels.toInt();
      return perSample(outputs.argMax(-1).equal(classes).toFloat());
    },
  };
}

/** Share of samples on the right side of zero. Labels: 0 or 1; outputs: logits of the same shape. */
export function binaryAccuracy(): Metric {
  return {
    direction: "maximize",
    compute: (labels, outputs) => perSample(outputs.greater(0).equal(labels.toFloat().greater(0.5)).toFloat()),
  };
}

/** Mean absolute difference of outputs and labels, in the labels' unit. */
export function meanAbsoluteError(): Metric {
  return {
    direction: "minimize",
    compute: (labels, outputs) => perSample(outputs.sub(labels.toFloat()).abs()),
  };
}

/** Mean over every axis but the batch's. */
function perSample(values: Tensor): Tensor {
  return values.rank <= 1 ? values : values.reshape([values.shape[0] ?? 0, -1]).mean(1);
}
