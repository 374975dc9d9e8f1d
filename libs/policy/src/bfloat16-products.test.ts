import { expect, test } from "vitest";
import { bfloat16ProductsOf } from "./bfloat16-products.ts";

test.each([
  ["AMD Zen 4", ["avx2", "avx512f", "avx512_bf16"], "fast"],
  ["Intel with AMX", ["avx512f", "avx512_bf16", "avx512_fp16", "amx_tile", "amx_bf16"], "fast"],
  ["the same with AMX hidden", ["avx512f", "avx512_bf16", "avx512_fp16"], "slow"],
  ["Arm with bf16", ["asimd", "bf16", "i8mm"], "fast"],
  ["AVX-512 without bf16", ["avx2", "avx512f"], "slow"],
  ["nothing known", [], "slow"],
] as const)("products of bfloat16 on %s", (_name, extensions, products) => {
  expect(bfloat16ProductsOf(extensions)).toBe(products);
});
