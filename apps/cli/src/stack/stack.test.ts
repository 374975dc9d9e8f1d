import { createServer } from "node:net";
import { taskQueue, trainWorkflowType } from "@anneal/contracts";
import { processAlive, tempAnnealHome, waitFor } from "@anneal/testing";
import { afterAll, describe, expect, test } from "vitest";
import { connectSession, localEndpoint } from "../temporal/endpoint.ts";
import { searchAttributeKeys } from "../temporal/search-attributes.ts";
import { runAnneal } from "../test-support/run-anneal.ts";
import { findServers } from "./server-process.ts";
import { readStackState, removeStackState, type StackState } from "./state.ts";

describe("the local stack, with a real server and a real worker", () => {
  const home = tempAnnealHome();
  const anneal = (...args: string[]) => runAnneal(args, home.env);
  const state = (): StackState => {
    const current = readStackState(home.path);
    if (!current) throw new Error("no up.json");
    return current;
  };

  afterAll(async () => {
    await anneal("down");
    home[Symbol.dispose]();
  });

  test("two `up` at once start one stack, and a third finds it", async () => {
    const [first, second] = await Promise.all([anneal("up", "--json"), anneal("up", "--json")]);
    expect(first).toMatchObject({ exitCode: 0 });
    expect(second).toMatchObject({ exitCode: 0 });
    const third = await anneal("up", "--json");
    expect(first.json()).toEqual(second.json());
    expect(third.json()).toEqual(first.json());
    expect(findServers(home.path)).toHaveLength(1);
  });

  test("search attributes can be used as soon as `up` returns", async () => {
    await using session = await connectSession(localEndpoint(state()));
    const { customAttributes } = await session.client.connection.operatorService.listSearchAttributes({
      namespace: state().namespace,
    });
    expect(Object.keys(customAttributes)).toEqual(
      expect.arrayContaining(Object.values(searchAttributeKeys).map(({ name }) => name)),
    );
  });

  test("a killed worker is started again", async () => {
    const before = state();
    process.kill(before.worker!.pid, "SIGKILL");
    const after = await waitFor(
      () => {
        const now = state();
        return now.worker && now.worker.pid !== before.worker!.pid && now;
      },
      { timeoutMs: 30_000, what: "a new worker" },
    );
    expect(after.restarts).toEqual({ server: 0, worker: 1 });
    expect(after.server).toEqual(before.server);
  });

  test("a killed server is started again, at the same address, with its memory", async () => {
    const before = state();
    const session = await connectSession(localEndpoint(before));
    // On a queue of nobody's: only the server's memory is looked at.
    await session.client.workflow.start(trainWorkflowType, {
      workflowId: "kept",
      taskQueue: `${taskQueue}-none`,
      args: [],
    });
    await session[Symbol.asyncDispose]();
    process.kill(before.server!.pid, "SIGKILL");
    await waitFor(() => state().restarts.server === 1 && state().server, { timeoutMs: 30_000, what: "a new server" });
    expect(state().address).toBe(before.address);
    const status = await waitFor(
      async () => {
        await using again = await connectSession(localEndpoint(state()), 1_000);
        return (await again.client.workflow.getHandle("kept").describe()).status.name;
      },
      { timeoutMs: 30_000, what: "the server to answer" },
    );
    expect(status).toBe("RUNNING");
  });

  test("a killed supervisor takes its worker along; the next `up` ends the server that it left", async () => {
    const before = state();
    process.kill(before.supervisor.pid, "SIGKILL");
    await waitFor(() => !processAlive(state().worker!.pid), { timeoutMs: 30_000, what: "the worker to end" });
    expect(processAlive(before.server!.pid)).toBe(true);
    const up = await anneal("up", "--json");
    expect(up).toMatchObject({ exitCode: 0 });
    expect(processAlive(before.server!.pid)).toBe(false);
    expect(state().supervisor.pid).not.toBe(before.supervisor.pid);
  });

  test("a worker for another server is refused while this stack runs", async () => {
    const up = await runAnneal(["up", "--json"], { ...home.env, TEMPORAL_ADDRESS: "127.0.0.1:1" });
    expect(up.exitCode).toBe(7);
    expect(up.json()).toMatchObject({ error: { code: "STACK_FAILED" } });
  });

  test("with TEMPORAL_ADDRESS only a worker is started, on that server, and ended again", async () => {
    using other = tempAnnealHome();
    const env = { ...other.env, TEMPORAL_ADDRESS: state().address };
    const up = await runAnneal(["up", "--json"], env);
    expect(up.json()).toMatchObject({ mode: "remote", address: state().address, pids: { server: null } });
    const { worker } = readStackState(other.path)!;
    expect(await runAnneal(["down"], env)).toMatchObject({ exitCode: 0 });
    expect(processAlive(worker!.pid)).toBe(false);
    expect(processAlive(state().server!.pid)).toBe(true);
  });

  test("`down` leaves no process behind, even when the supervisor was killed and `up.json` is gone", async () => {
    const before = state();
    process.kill(before.supervisor.pid, "SIGKILL");
    removeStackState(home.path);
    const down = await anneal("down", "--json");
    expect(down.json()).toEqual({ stopped: true });
    for (const part of [before.supervisor, before.server!]) expect(processAlive(part.pid)).toBe(false);
    // Nobody can name it any more; it ends by itself.
    await waitFor(() => !processAlive(before.worker!.pid), { timeoutMs: 30_000, what: "the worker to end" });
    expect(readStackState(home.path)).toBeNull();
    expect((await anneal("down", "--json")).json()).toEqual({ stopped: false });
  });

  test("without a server, commands that look say so; `up` on one that does not answer fails and starts nothing", async () => {
    const silent = createServer();
    const port = await new Promise<number>((resolve) => {
      silent.listen(0, "127.0.0.1", () => resolve((silent.address() as { port: number }).port));
    });
    const [watch, up] = await Promise.all([
      anneal("watch", "nothing", "--json"),
      runAnneal(["up", "--json"], { ...home.env, TEMPORAL_ADDRESS: `127.0.0.1:${port}` }),
    ]);
    silent.close();
    expect(watch.exitCode).toBe(7);
    expect(watch.json()).toMatchObject({
      error: { code: "SERVER_UNREACHABLE", remedy: expect.stringContaining("anneal up") },
    });
    expect(up.exitCode).toBe(7);
    expect(up.json()).toMatchObject({ error: { code: "SERVER_UNREACHABLE" } });
    expect(readStackState(home.path)).toBeNull();
  });
});
