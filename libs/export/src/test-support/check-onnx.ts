import { runPython } from "./python.ts";

const program = `
import pathlib, sys, onnx
for path in sorted(pathlib.Path(sys.argv[1]).glob("*.onnx")):
    try:
        onnx.checker.check_model(str(path), full_check=True)
    except Exception as error:
        print(f"{path.name}: {error}")
`;

/** What ONNX's own checker says against the files of a folder, types and shapes included: nothing where all are sound. */
export async function checkOnnxFiles(folder: string): Promise<string> {
  return runPython("onnx", program, folder);
}
