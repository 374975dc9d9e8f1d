import type { Pass } from "./pass.ts";
import { activationGradients } from "./preserving/activation-gradients.ts";
import { biasAdd } from "./preserving/bias-add.ts";
import { commonSubexpressions } from "./preserving/common-subexpressions.ts";
import { lateBroadcasts } from "./preserving/late-broadcasts.ts";
import { lateReshapes } from "./preserving/late-reshapes.ts";
import { matrixProducts } from "./preserving/matrix-products.ts";
import { simplifyArithmetic } from "./preserving/simplify-arithmetic.ts";
import { simplifyMovement } from "./preserving/simplify-movement.ts";
import { softmax } from "./preserving/softmax.ts";
import { softmaxCrossEntropy } from "./preserving/softmax-cross-entropy.ts";

/** Every pass, in the order in which they run. These keep the numbers, within rounding. */
export const preservingPasses: readonly Pass[] = [
  simplifyMovement,
  commonSubexpressions,
  simplifyArithmetic,
  lateBroadcasts,
  matrixProducts,
  biasAdd,
  lateReshapes,
  simplifyMovement,
  commonSubexpressions,
  activationGradients,
  softmax,
  softmaxCrossEntropy,
  simplifyMovement,
  simplifyArithmetic,
  commonSubexpressions,
];
