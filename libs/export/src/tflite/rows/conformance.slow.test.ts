import { describeRows } from "../../test-support/tflite-rows.ts";

describeRows(60);
