import { describeOnnxRows } from "../../test-support/onnx-rows.ts";

describeOnnxRows(60);
