import { taskQueue } from "@anneal/contracts";
import { ensureAll } from "@anneal/provision";
import { ensureHome } from "../home.ts";
import { connectSession, environmentEndpoint, localEndpoint, openSession, type Session } from "../temporal/endpoint.ts";
import { ensureSearchAttributes } from "../temporal/search-attributes.ts";
import { type Log, runningStack, startStack } from "./stack.ts";

/**
 * A session whose server has a worker: for commands that start work. Without one, the local stack is started, as
 * `up` does, and stays; commands that only look (`openSession`) never start anything.
 */
export async function openWorkingSession(home: string, log: Log): Promise<Session> {
  const environment = environmentEndpoint();
  if (environment && !runningStack(home)) {
    const session = await connectSession(environment);
    // Workers on other machines do as well.
    if (await hasWorker(session)) {
      await ensureSearchAttributes(session.client.connection, environment.namespace);
      return session;
    }
    await session[Symbol.asyncDispose]();
  }
  ensureHome(home);
  await ensureAll({ log });
  const { state, started } = await startStack(home, log);
  if (started) log(`started the local stack (stop it: anneal down)${state.uiUrl ? `; UI: ${state.uiUrl}` : ""}`);
  return state.mode === "local" ? connectSession(localEndpoint(state)) : openSession(home);
}

async function hasWorker({ client, endpoint }: Session): Promise<boolean> {
  const { pollers } = await client.workflowService.describeTaskQueue({
    namespace: endpoint.namespace,
    taskQueue: { name: taskQueue },
    taskQueueType: 1, // workflow tasks
  });
  return pollers.length > 0;
}
