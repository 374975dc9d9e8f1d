/** How a CPU's products of bfloat16 compare with those of float32: clearly faster, or not. */
export type Bfloat16Products = "fast" | "slow";

/**
 * By a processor's instruction sets, named as Linux names them. AMX, Arm's `bf16` and AVX-512 BF16 make products about twice as fast or
 * more. Intel's cores with AVX-512 FP16 keep AVX-512 BF16 for compatibility, at half the speed of float32 (measured on a virtual
 * Sapphire Rapids: 83 against 150 GFLOP/s a core): they rely on AMX, which hypervisors often hide. Everything else emulates.
 */
export function bfloat16ProductsOf(extensions: readonly string[]): Bfloat16Products {
  const has = (name: string) => extensions.includes(name);
  if (has("amx_bf16") || has("bf16")) return "fast";
  return has("avx512_bf16") && !has("avx512_fp16") ? "fast" : "slow";
}
