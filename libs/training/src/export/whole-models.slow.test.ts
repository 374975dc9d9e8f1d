import { wholeModels } from "../test-support/models.ts";
import { describeWholeOnnx } from "../test-support/whole-onnx.ts";

describeWholeOnnx(Object.entries(wholeModels));
