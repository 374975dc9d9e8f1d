import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type KafkaConnection, TopicClient } from "@anneal/kafka";
import { tempAnnealHome } from "@anneal/testing";
import { expect, test, vi } from "vitest";
import { makeCertificates } from "./test-support/certificates.ts";
import { Cluster } from "./test-support/cluster.ts";
import { CountedRun } from "./test-support/counted-run.ts";
import { writeCountingRecipe } from "./test-support/counting-recipe.ts";

vi.setConfig({ testTimeout: 300_000 });

const password = "not-in-any-file-7Qx";

test("SASL over TLS: who may, trains, and the password is in nothing that is kept; who may not is told why", async () => {
  using home = tempAnnealHome();
  const { ca, keyStore } = makeCertificates(home.path);
  await using cluster = await Cluster.start({
    protocol: "SASL_SSL",
    scram: [`SCRAM-SHA-512=[name=trainer,password=${password}]`],
    settings: {
      "listener.name.client.ssl.keystore.type": "PEM",
      "listener.name.client.ssl.keystore.location": keyStore,
      "listener.name.client.sasl.enabled.mechanisms": "SCRAM-SHA-512,PLAIN",
      "listener.name.client.scram-sha-512.sasl.jaas.config":
        "org.apache.kafka.common.security.scram.ScramLoginModule required;",
      "listener.name.client.plain.sasl.jaas.config": `org.apache.kafka.common.security.plain.PlainLoginModule required user_plain="${password}";`,
    },
  });
  await cluster.createTopic("ids", 1);
  const numRecords = 64;
  await cluster.write(
    "ids",
    Array.from({ length: numRecords }, (_, id) => ({ partition: 0, value: JSON.stringify({ id }) })),
  );

  vi.stubEnv("KAFKA_TEST_PASSWORD", password);
  vi.stubEnv("KAFKA_TEST_WRONG", "wrong");
  const secretFile = join(home.path, "password");
  writeFileSync(secretFile, `${password}\n`);
  const brokers = [cluster.broker.address];
  const scram = { mechanism: "SCRAM-SHA-512", username: "trainer" } as const;
  const open = async (more: Omit<KafkaConnection, "brokers">) => {
    await using client = await TopicClient.open({ brokers, ...more }, "ids", { limitMs: 3_000 });
    return (await client.describe()).leaders.length;
  };
  const right = { tls: { ca }, sasl: { ...scram, password: { env: "KAFKA_TEST_PASSWORD" } } };
  expect(await open(right)).toBe(1);
  expect(
    await open({ tls: { ca }, sasl: { mechanism: "PLAIN", username: "plain", password: { file: secretFile } } }),
  ).toBe(1);
  const denied = (reason: RegExp) => ({
    code: "BROKER_ACCESS_DENIED",
    facts: { reason: expect.stringMatching(reason) },
  });
  await expect(open({ ...right, sasl: { ...scram, password: { env: "KAFKA_TEST_WRONG" } } })).rejects.toMatchObject(
    denied(/authentication|credentials/i),
  );
  await expect(open({ ...right, sasl: { ...scram, password: { env: "KAFKA_TEST_UNSET" } } })).rejects.toMatchObject(
    denied(/KAFKA_TEST_UNSET/),
  );
  await expect(open({ ...right, sasl: { ...scram, password: { file: "/nowhere" } } })).rejects.toMatchObject(
    denied(/nowhere/),
  );
  await expect(open({ ...right, tls: true })).rejects.toMatchObject(denied(/certificate|self.signed/i));
  await expect(open({})).rejects.toMatchObject(denied(/requires TLS/));

  mkdirSync(join(home.path, "recipe"));
  await using run = new CountedRun(home.path, "secret", {
    recipe: { name: "counting", path: writeCountingRecipe(join(home.path, "recipe")) },
    parameters: { broker: brokers[0]!, topic: "ids", numRecords, access: JSON.stringify(right) },
  });
  expect(await run.finish()).toMatchObject({ finished: true, step: numRecords / 8 });
  const kept = readdirSync(run.runDirectory, { recursive: true })
    .map((name) => join(run.runDirectory, String(name)))
    .filter((path) => statSync(path).isFile());
  expect(kept.length).toBeGreaterThan(5);
  expect(kept.filter((path) => readFileSync(path).includes(password))).toEqual([]);
  // What a workflow's history would hold of it.
  expect(JSON.stringify([run.spec, run.prepared, run.last])).not.toContain(password);
});
