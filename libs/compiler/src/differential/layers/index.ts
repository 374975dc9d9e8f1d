import type { LayerCases } from "./case.ts";
import { coreLayerCases } from "./core.ts";
import { noiseLayerCases } from "./noise.ts";
import { recurrentLayerCases } from "./recurrent.ts";
import { windowLayerCases } from "./windows.ts";

/** Every case, by the class of the layer. */
export const layerCases: LayerCases = {
  ...coreLayerCases,
  ...noiseLayerCases,
  ...recurrentLayerCases,
  ...windowLayerCases,
};
