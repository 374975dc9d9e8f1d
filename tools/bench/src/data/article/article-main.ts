import { tmpdir } from "node:os";
import { serve } from "../serve.ts";
import { trainNaively } from "./naive.ts";
import { trainPiped } from "./piped.ts";
import type { ArticleOrder, ArticleReply, TrainRequest } from "./protocol.ts";

/** The same training, fed in one of two ways. */
await serve<ArticleOrder, TrainRequest, ArticleReply>(async (order) => {
  const train = order.variant === "naive" ? await trainNaively(order, tmpdir()) : await trainPiped(order);
  return {
    first: { type: "ready" },
    async answer(request) {
      const startedAt = performance.now();
      const trained = await train(request);
      return { type: "trained", ...trained, elapsedMs: performance.now() - startedAt };
    },
  };
});
