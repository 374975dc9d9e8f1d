/** The Python packages that LiteRT is run by: its own, first, and the one that it takes its tensors by. */
export const litertPackages = ["ai-edge-litert==2.3.0", "numpy==2.4.6"] as const;
