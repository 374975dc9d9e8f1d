/** How memory that ran out looks, whoever says so: as messages of errors, and as the last words of a process. */
const forms = [
  // TensorFlow: RESOURCE_EXHAUSTED is its status 8.
  /\bOOM\b/,
  /resource[_ ]exhausted/i,
  /Invalid TF_Status: 8\b/,
  // ABORTED has many causes; with memory in its text it has one.
  /(?:ABORTED|Invalid TF_Status: 10\b)[\s\S]*?(?:memory|alloc)/i,
  // oneDNN, whose primitives fail for want of memory where shapes and formats were checked before, as TensorFlow does.
  /could not (?:create|execute) a (?:primitive|memory object)/,
  // Its status 1, dnnl_out_of_memory.
  /received an exception: ?Status: ?1,/,
  // C++ and the system.
  /bad_alloc/,
  /(?:failed to|could not) allocate memory/i,
  /Cannot allocate memory/i,
  /\bENOMEM\b/,
  // V8 and Node.
  /Array buffer allocation failed/,
  /JavaScript heap out of memory/i,
  /Fatal process out of memory/i,
  /ERR_WORKER_OUT_OF_MEMORY/,
  /reaching memory limit/,
] as const;

/** Whether a text says that memory ran out. */
export function saysOutOfMemory(text: string): boolean {
  return forms.some((form) => form.test(text));
}

/** Whether an error, whoever threw it, says that memory ran out. */
export function isOutOfMemory(cause: unknown): boolean {
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : "";
  return saysOutOfMemory(`${code} ${cause instanceof Error ? cause.message : String(cause)}`);
}
