import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { AnnealError } from "@anneal/contracts";
import { lastLines, runCommand } from "./command.ts";
import type { Log } from "./install.ts";
import { ensureKafka, type Kafka } from "./kafka.ts";

export interface BrokerOptions {
  readonly log?: Log;
  /** Settings of the server beside those that a broker of one process needs, e.g. `log.cleaner.backoff.ms`. */
  readonly settings?: Readonly<Record<string, string>>;
  /** How clients reach it. By default without a password and unencrypted. */
  readonly protocol?: "PLAINTEXT" | "SASL_PLAINTEXT" | "SASL_SSL" | "SSL";
  /** Users known before the first start, `SCRAM-SHA-256=[name=…,password=…]` as the storage tool takes it. */
  readonly scram?: readonly string[];
  /** Memory of the Java heap. Default 384 MiB. */
  readonly heapMiB?: number;
}

const startLimitMs = 60_000;

/**
 * A Kafka broker of one's own, on this machine alone: one process that is broker and controller. It ends with the process that started
 * it, however that ends, and its data with it.
 */
export class Broker implements AsyncDisposable {
  readonly port: number;
  /** Of the listener that asks for nothing, whatever that of clients does. */
  readonly #innerPort: number;
  readonly #kafka: Kafka;
  readonly #directory: string;
  readonly #heapMiB: number;
  #child: ChildProcess | null = null;

  private constructor(
    kafka: Kafka,
    directory: string,
    { port, innerPort }: { readonly port: number; readonly innerPort: number },
    heapMiB: number,
  ) {
    this.#innerPort = innerPort;
    this.#kafka = kafka;
    this.#directory = directory;
    this.port = port;
    this.#heapMiB = heapMiB;
  }

  /**
   * Fetches Kafka if need be, and starts a broker with no topics.
   *
   * @throws AnnealError as `ensureKafka`; STACK_FAILED for a broker that does not start
   */
  static async start(options: BrokerOptions = {}): Promise<Broker> {
    const kafka = await ensureKafka({ log: options.log ?? (() => {}) });
    const directory = await mkdtemp(join(tmpdir(), "anneal-broker-"));
    const [port, controllerPort, innerPort] = await freePorts(3);
    const broker = new Broker(kafka, directory, { port: port!, innerPort: innerPort! }, options.heapMiB ?? 384);
    try {
      await broker.#configure(controllerPort!, options);
      await broker.restart();
    } catch (cause) {
      await broker[Symbol.asyncDispose]();
      throw cause;
    }
    return broker;
  }

  /** As clients take it. */
  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  /** For who looks after it: neither password nor encryption. */
  get innerAddress(): string {
    return `127.0.0.1:${this.#innerPort}`;
  }

  get #log(): string {
    return join(this.#directory, "server.log");
  }

  /** Starts the broker again on its data and its port, after `kill` or `stop`. */
  async restart(): Promise<void> {
    await writeFile(this.#log, "");
    const output = openSync(this.#log, "a");
    // The shell has no other task than to end the broker when the pipe from this process breaks.
    const script =
      'exec 3<&0; "$@" <&- & broker=$!; echo "pid $broker"; (cat <&3 >/dev/null; kill -KILL $broker) & watcher=$!; wait $broker; kill $watcher';
    const server = this.#java("kafka.Kafka", join(this.#directory, "server.properties"));
    const child = spawn("sh", ["-c", script, "sh", ...server], { stdio: ["pipe", output, output] });
    closeSync(output);
    this.#child = child;
    const deadline = performance.now() + startLimitMs;
    while (!(await readFile(this.#log, "utf8")).includes("Kafka Server started")) {
      if (child.exitCode !== null || performance.now() > deadline) throw notStarted(await readFile(this.#log, "utf8"));
      await sleep(50);
    }
  }

  /** Ends the broker at once, as a power cut does. Its data stay. */
  async kill(): Promise<void> {
    await this.#end("SIGKILL");
  }

  /** Ends the broker in good order. Its data stay. */
  async stop(): Promise<void> {
    await this.#end("SIGTERM");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    await rm(this.#directory, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child;
    this.#child = null;
    if (child === null || child.exitCode !== null) return;
    const ended = once(child, "exit");
    const pid = /^pid (\d+)$/m.exec(await readFile(this.#log, "utf8"))?.[1];
    if (pid !== undefined) process.kill(Number(pid), signal);
    else child.stdin?.destroy();
    await ended;
    child.stdin?.destroy();
  }

  async #configure(controllerPort: number, options: BrokerOptions): Promise<void> {
    const { protocol = "PLAINTEXT", settings = {}, scram = [] } = options;
    const properties = {
      "process.roles": "broker,controller",
      "node.id": "1",
      "controller.quorum.voters": `1@127.0.0.1:${controllerPort}`,
      listeners: `CLIENT://127.0.0.1:${this.port},CONTROLLER://127.0.0.1:${controllerPort},INNER://127.0.0.1:${this.#innerPort}`,
      "controller.listener.names": "CONTROLLER",
      "inter.broker.listener.name": "INNER",
      "listener.security.protocol.map": `CLIENT:${protocol},CONTROLLER:PLAINTEXT,INNER:PLAINTEXT`,
      "log.dirs": join(this.#directory, "data"),
      "num.partitions": "1",
      "auto.create.topics.enable": "false",
      "offsets.topic.num.partitions": "1",
      "offsets.topic.replication.factor": "1",
      "transaction.state.log.num.partitions": "1",
      "transaction.state.log.replication.factor": "1",
      "transaction.state.log.min.isr": "1",
      "group.initial.rebalance.delay.ms": "0",
      ...settings,
    };
    const lines = Object.entries(properties).map(([name, value]) => `${name}=${value}\n`);
    const path = join(this.#directory, "server.properties");
    await writeFile(path, lines.join(""));
    await mkdir(join(this.#directory, "data"));
    await writeFile(join(this.#directory, "log4j2.yaml"), logging);
    const users = scram.flatMap((user) => ["--add-scram", user]);
    const [java, ...args] = this.#java("kafka.tools.StorageTool", "format", "-t", clusterId, "-c", path, ...users);
    const { status, stdout, stderr } = await runCommand(java!, args);
    if (status !== 0) throw notStarted(`${stdout}\n${stderr}`);
  }

  #java(mainClass: string, ...args: readonly string[]): readonly string[] {
    const { java, jars } = this.#kafka;
    const heap = [`-Xms${this.#heapMiB}m`, `-Xmx${this.#heapMiB}m`];
    // Compiled once and simply: what lives for seconds gains nothing from more.
    const quick = ["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto"];
    const config = `-Dlog4j2.configurationFile=${join(this.#directory, "log4j2.yaml")}`;
    return [java, ...heap, ...quick, config, "-cp", `${jars}/*`, mainClass, ...args];
  }
}

const clusterId = "anneal-broker-of-one-w";

const logging = `Configuration:
  Appenders:
    Console:
      name: console
      PatternLayout:
        pattern: "%d %p %m (%c)%n"
  Loggers:
    Root:
      level: info
      AppenderRef:
        - ref: console
`;

/** Ports that are free now, all different: the servers that hold them are closed together. */
async function freePorts(count: number): Promise<readonly number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, "127.0.0.1"));
  await Promise.all(servers.map((server) => once(server, "listening")));
  const ports = servers.map((server) => (server.address() as { port: number }).port);
  await Promise.all(servers.map((server) => once(server.close(), "close")));
  return ports;
}

function notStarted(output: string): AnnealError {
  return new AnnealError(
    "STACK_FAILED",
    `The Kafka broker did not start: ${lastLines(output)}`,
    "See what its log says; another process may hold its port, or Java too little memory.",
  );
}
