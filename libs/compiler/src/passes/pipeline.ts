import { unclipCrossEntropy } from "./changing/unclip-cross-entropy.ts";
import type { Pass } from "./pass.ts";
import { activationGradients } from "./preserving/activation-gradients.ts";
import { biasAdd } from "./preserving/bias-add.ts";
import { commonSubexpressions } from "./preserving/common-subexpressions.ts";
import { concatenatedProducts } from "./preserving/concatenated-products.ts";
import { hoistedProducts } from "./preserving/hoisted-products.ts";
import { lateBroadcasts } from "./preserving/late-broadcasts.ts";
import { lateReshapes } from "./preserving/late-reshapes.ts";
import { matrixProducts } from "./preserving/matrix-products.ts";
import { packedProducts } from "./preserving/packed-products.ts";
import { sequenceMovement } from "./preserving/sequence-movement.ts";
import { simplifyArithmetic } from "./preserving/simplify-arithmetic.ts";
import { simplifyMovement } from "./preserving/simplify-movement.ts";
import { softmax } from "./preserving/softmax.ts";
import { softmaxCrossEntropy } from "./preserving/softmax-cross-entropy.ts";
import { splitProducts } from "./preserving/split-products.ts";
import { summedConcatenations } from "./preserving/summed-concatenations.ts";
import { summedPads } from "./preserving/summed-pads.ts";
import { summedProducts } from "./preserving/summed-products.ts";
import { unpackedSlices } from "./preserving/unpacked-slices.ts";

/** Every pass, in the order in which they run. */
export const allPasses: readonly Pass[] = [
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
  simplifyArithmetic,
  unclipCrossEntropy,
  commonSubexpressions,
  softmaxCrossEntropy,
  unpackedSlices,
  summedPads,
  summedConcatenations,
  concatenatedProducts,
  summedConcatenations,
  splitProducts,
  hoistedProducts,
  packedProducts,
  sequenceMovement,
  summedProducts,
  simplifyMovement,
  simplifyArithmetic,
  commonSubexpressions,
];

/** Change numbers beyond rounding, for the better. Each can be left out, by its name. */
const changingPasses: readonly Pass[] = [unclipCrossEntropy];

/** Keep the numbers, within rounding. */
export const preservingPasses: readonly Pass[] = allPasses.filter((pass) => !changingPasses.includes(pass));

/** Say a graph in fewer ops, whoever runs it: none of them suits it to TensorFlow's kernels. */
export const portablePasses: readonly Pass[] = [
  simplifyMovement,
  commonSubexpressions,
  simplifyArithmetic,
  lateBroadcasts,
  matrixProducts,
  biasAdd,
  lateReshapes,
  simplifyMovement,
  commonSubexpressions,
  softmax,
  simplifyArithmetic,
  commonSubexpressions,
];
