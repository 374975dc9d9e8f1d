import { type AddressInfo, createServer, type Server } from "node:net";
import { afterEach, expect, test } from "vitest";
import { choosePorts, isFree } from "./ports.ts";

const servers: Server[] = [];

async function occupyPort(host: string): Promise<number> {
  const server = createServer();
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  return (server.address() as AddressInfo).port;
}

async function unusedPort(): Promise<number> {
  const port = await occupyPort("127.0.0.1");
  await new Promise((resolve) => servers.pop()!.close(resolve));
  return port;
}

afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => new Promise((resolve) => server.close(resolve))));
});

test("free ports are taken as preferred, without a word", async () => {
  const preferred = { server: await unusedPort(), ui: await unusedPort() };
  expect(await choosePorts(preferred)).toEqual({ ports: preferred, notes: [] });
});

test.each(["127.0.0.1", "0.0.0.0"])(
  "a port that something on %s has is replaced by a free one, and that is said",
  async (host) => {
    const taken = await occupyPort(host);
    const ui = await unusedPort();
    const { ports, notes } = await choosePorts({ server: taken, ui });
    expect(ports.server).not.toBe(taken);
    expect(ports.ui).toBe(ui);
    expect(await isFree(ports.server)).toBe(true);
    expect(notes).toEqual([`port ${taken} is taken: the Temporal server listens on ${ports.server} instead`]);
  },
);

test("server and UI never share a port", async () => {
  const port = await unusedPort();
  const { ports } = await choosePorts({ server: port, ui: port });
  expect(ports.server).toBe(port);
  expect(ports.ui).not.toBe(port);
});
