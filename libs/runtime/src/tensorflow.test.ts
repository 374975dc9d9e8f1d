import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { afterAll, expect, test, vi } from "vitest";
import { loadTensorflow, tensorflowEnvironment } from "./index.ts";

const threads = { numIntraOpThreads: 2, numInterOpThreads: 2 };
const index = new URL("index.ts", import.meta.url).href;
const directory = mkdtempSync(join(tmpdir(), "anneal-runtime-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** Runs `body` in a worker thread with `runtime` in scope and returns what it posts. */
async function inWorker(body: string): Promise<unknown> {
  const code = `const { parentPort } = require("node:worker_threads");
    import(${JSON.stringify(index)}).then((runtime) => {
      const threads = ${JSON.stringify(threads)};
      try { parentPort.postMessage((() => { ${body} })()); } catch (error) { parentPort.postMessage({ code: error.code, message: error.message }); }
    });`;
  const worker = new Worker(code, { eval: true });
  const ended = once(worker, "exit");
  const [message] = await once(worker, "message");
  const [exitCode] = await ended;
  expect(exitCode).toBe(0);
  return message;
}

test("nothing provisioned: TENSORFLOW_MISSING with the remedy", () => {
  vi.stubEnv("ANNEAL_CACHE", directory);
  expect(() => loadTensorflow(threads)).toThrow(
    expect.objectContaining({ code: "TENSORFLOW_MISSING", remedy: expect.stringContaining("pnpm provision") }),
  );
  expect(() => loadTensorflow({ ...threads, addonPath: join(directory, "gone.node") })).toThrow(
    expect.objectContaining({ code: "TENSORFLOW_MISSING", message: expect.stringContaining("gone.node") }),
  );
});

test("an addon that does not load: TENSORFLOW_BROKEN", () => {
  const addonPath = join(directory, "broken.node");
  writeFileSync(addonPath, "not a library");
  const script = `import { loadTensorflow } from ${JSON.stringify(index)};
    try { loadTensorflow(${JSON.stringify({ ...threads, addonPath })}); } catch (error) { console.log(error.code, error.remedy); }`;
  const { stdout } = spawnSync(process.execPath, ["--input-type=module", "-e", script]);
  expect(stdout.toString()).toMatch(/^TENSORFLOW_BROKEN .*pnpm provision/);
});

test("TensorFlow 2.21 becomes the backend; a second call gives the same", () => {
  const loaded = loadTensorflow(threads);
  expect(loaded.version).toBe("2.21.0");
  expect(loaded.device).toBe("cpu");
  expect(loaded.tf.getBackend()).toBe("tensorflow");
  const product = loaded.tf.matMul(loaded.tf.ones([2, 3]), loaded.tf.ones([3, 2]));
  expect(product.arraySync()).toEqual([
    [3, 3],
    [3, 3],
  ]);
  expect(loadTensorflow(threads).backend).toBe(loaded.backend);
});

test("the calls that Node 24 needed patches for", () => {
  const { tf } = loadTensorflow(threads);
  const { values, indices } = tf.topk(tf.tensor1d([1, 3, 2]), 2);
  expect([values.arraySync(), indices.arraySync()]).toEqual([
    [3, 2],
    [1, 2],
  ]);
  expect(tf.concat([tf.ones([1]), tf.zeros([1])]).arraySync()).toEqual([1, 0]);
});

test("the same bits for the same work, run after run", () => {
  const { tf } = loadTensorflow(threads);
  const work = () => {
    const x = tf.sin(tf.range(0, 4 * 28 * 28)).reshape([4, 28, 28, 1]) as ReturnType<typeof tf.tensor4d>;
    const kernel = tf.cos(tf.range(0, 3 * 3 * 16)).reshape([3, 3, 1, 16]) as ReturnType<typeof tf.tensor4d>;
    return tf
      .grad((k) => tf.sum(tf.square(tf.conv2d(x, k as typeof kernel, 1, "same"))))(kernel)
      .dataSync();
  };
  expect(work()).toEqual(work());
});

test("once loaded, other thread counts are refused: they change results, and cannot be changed any more", () => {
  loadTensorflow(threads);
  expect(() => loadTensorflow({ ...threads, numIntraOpThreads: 1 })).toThrow(
    expect.objectContaining({
      code: "TENSORFLOW_BROKEN",
      facts: expect.objectContaining({ expected: "1", found: "2" }),
    }),
  );
});

test("the environment for the spawner has all that decides the bits", () => {
  const variables = tensorflowEnvironment(threads);
  expect(variables).toMatchObject({
    TF_NUM_INTRAOP_THREADS: "2",
    TF_DETERMINISTIC_OPS: "1",
    CUDA_VISIBLE_DEVICES: "-1",
  });
});

test("in a worker thread it works, with tensors of its own, and the thread ends well", async () => {
  loadTensorflow(threads);
  const body = `const { tf, version } = runtime.loadTensorflow(threads);
    return { version, sum: tf.sum(tf.ones([10])).dataSync()[0] };`;
  expect(await inWorker(body)).toEqual({ version: "2.21.0", sum: 10 });
});

test("in a worker thread, an environment that was only set there is not believed", async () => {
  loadTensorflow(threads);
  const body = `process.env.TF_NUM_INTRAOP_THREADS = "7";
    return runtime.loadTensorflow({ ...threads, numIntraOpThreads: 7 }).version;`;
  expect(await inWorker(body)).toMatchObject({
    code: "TENSORFLOW_BROKEN",
    message: expect.stringContaining("TF_NUM_INTRAOP_THREADS is 2 and should be 7"),
  });
});
