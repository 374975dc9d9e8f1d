import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { tempAnnealHome } from "@anneal/testing";
import { expect, test, vi } from "vitest";
import { runAnneal } from "../test-support/run-anneal.ts";
import { connectSession, localEndpoint } from "./endpoint.ts";

test.each([{ TEMPORAL_ADDRESS: "http://x:y" }, { TEMPORAL_CONFIG_FILE: import.meta.filename }])(
  "%j is the person's mistake, not a defect",
  async (settings) => {
    using home = tempAnnealHome();
    const { exitCode, stderr } = await runAnneal(["status", "a"], { ...home.env, ...settings });
    expect(stderr).toMatch(/^error USAGE: /);
    expect(stderr).toMatch(/^→ .*TEMPORAL_ADDRESS/m);
    expect(exitCode).toBe(2);
  },
);

test("a server that accepts and says nothing: a person is told what is waited for", async () => {
  const server = createServer(() => {});
  await once(server.listen(0, "127.0.0.1"), "listening");
  const stderr = vi.spyOn(process.stderr, "write").mockReturnValue(true);
  try {
    const address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    const endpoint = localEndpoint({ address, namespace: "default", uiUrl: null });
    await expect(connectSession(endpoint, 1_200)).rejects.toMatchObject({ code: "SERVER_UNREACHABLE" });
    expect(stderr).toHaveBeenCalledWith(`connecting to ${address}…\n`);
  } finally {
    stderr.mockRestore();
    server.close();
  }
});
