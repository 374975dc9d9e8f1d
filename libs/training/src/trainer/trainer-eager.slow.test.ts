// The suite of trainer processes once more, with the engine that runs op by op.
import "./trainer.test.ts";
