import type { Bench } from "../harness/bench.ts";
import { article } from "./article.ts";
import { checkpoint } from "./checkpoint.ts";
import { data } from "./data.ts";
import { feed } from "./feed.ts";
import { kafka } from "./kafka.ts";
import { memory } from "./memory.ts";
import { orchestration } from "./orchestration.ts";
import { recover } from "./recover.ts";
import { start } from "./start.ts";
import { step } from "./step.ts";
import { train } from "./train.ts";

/** Every bench, in the order in which they run. */
export const benches: readonly Bench[] = [
  train,
  step,
  memory,
  article,
  checkpoint,
  feed,
  data,
  kafka,
  orchestration,
  start,
  recover,
];
