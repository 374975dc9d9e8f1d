import { describeExportBy } from "../test-support/export-by.ts";

describeExportBy("eager");
