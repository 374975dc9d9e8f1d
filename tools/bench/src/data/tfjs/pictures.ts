import { readdirSync } from "node:fs";
import { join } from "node:path";
import type { Tfjs } from "@anneal/runtime";
import type { Tensor3D, TensorContainer } from "@tensorflow/tfjs";
import sharp from "sharp";
import type { DataOrder, PicturesOrder } from "../protocol.ts";
import { type Batches, numAhead } from "./batches.ts";

/** Decoded and resized by sharp, one file after another as tfjs-data asks for them; the rest by ops of TensorFlow. */
export function pictureBatches(tf: Tfjs, order: DataOrder, data: PicturesOrder): Batches {
  const { directory, resized, cropped } = data;
  const classNames = readdirSync(directory).sort();
  const files = classNames.flatMap((name, label) =>
    readdirSync(join(directory, name)).map((file) => ({ path: join(directory, name, file), label })),
  );
  const [scale, mean, std] = tf.tidy(() => [
    tf.scalar(1 / 255),
    tf.tensor1d([...data.mean]),
    tf.tensor1d([...data.std]),
  ]);
  const load = async (file: TensorContainer): Promise<TensorContainer> => {
    const { path, label } = file as unknown as (typeof files)[number];
    const pixels = await sharp(path).resize(resized, resized, { fit: "fill" }).raw().toBuffer();
    return tf.tidy(() => {
      const image = tf.tensor3d(new Uint8Array(pixels), [resized, resized, 3], "int32");
      const at = () => Math.floor(Math.random() * (resized - cropped + 1));
      const part: Tensor3D = tf.slice(image, [at(), at(), 0], [cropped, cropped, 3]);
      const turned = Math.random() < 0.5 ? tf.reverse(part, 1) : part;
      return { xs: turned.mul(scale!).sub(mean!).div(std!), ys: tf.scalar(label, "int32") };
    });
  };
  return tf.data
    .array(files as unknown as TensorContainer[])
    .shuffle(files.length)
    .mapAsync(load)
    .batch(order.batchSize)
    .prefetch(numAhead);
}
