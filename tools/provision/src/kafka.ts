import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { AnnealError } from "@anneal/contracts";
import { cacheDirectory } from "@anneal/runtime";
import { requiredBytes } from "./artefacts.ts";
import { findOnPath, lastLines, runCommand } from "./command.ts";
import { installOnce, type Log } from "./install.ts";
import { copyPluginVersion, kafkaJars, kafkaVersion, oldestJava, slf4jVersion } from "./kafkaJars.ts";
import { installCommand } from "./platform.ts";

/** A Kafka broker that can be started. */
export interface Kafka {
  readonly version: string;
  /** Absolute path of the `java` that runs it. */
  readonly java: string;
  /** Folder of the archives that make it up. */
  readonly jars: string;
}

/** Where the archives of the broker lie, or will lie. */
export function kafkaCachePath(): string {
  return join(cacheDirectory(), "kafka", kafkaVersion);
}

/**
 * A Kafka broker, fetched by Maven once and checked archive by archive. Only what asks for a broker needs it, and Java: training from a
 * topic does not.
 *
 * @throws AnnealError TOOL_MISSING (Java, Maven), DOWNLOAD_FAILED, HASH_MISMATCH, DISK_FULL
 */
export async function ensureKafka({ log }: { readonly log: Log }): Promise<Kafka> {
  const java = await findJava();
  const jars = kafkaCachePath();
  await installOnce({
    target: jars,
    title: `Kafka ${kafkaVersion}`,
    requiredBytes: requiredBytes.kafka,
    fill: fetchJars,
    log,
  });
  return { version: kafkaVersion, java, jars };
}

async function findJava(): Promise<string> {
  const { JAVA_HOME } = process.env;
  const ofHome = JAVA_HOME ? join(JAVA_HOME, "bin", "java") : null;
  const path = ofHome !== null && existsSync(ofHome) ? ofHome : findOnPath("java");
  const needed = `Kafka ${kafkaVersion} runs on Java ${oldestJava} or newer`;
  if (path === null) throw missing("java", `Java was not found on the PATH, nor by JAVA_HOME: ${needed}.`, "none");
  const { status, stdout, stderr } = await runCommand(path, ["-version"]);
  const version = /version "(\d+)/.exec(`${stdout}\n${stderr}`)?.[1];
  if (status !== 0 || version === undefined) throw missing("java", `${path} does not run: ${needed}.`, "broken");
  if (Number(version) < oldestJava) throw missing("java", `Java ${version} at ${path} is too old: ${needed}.`, version);
  return path;
}

/** Maven knows where its registry is, and keeps to the settings of the machine. */
async function fetchJars(directory: string): Promise<void> {
  const maven = findOnPath("mvn");
  if (maven === null) throw missing("mvn", "Maven was not found on the PATH: it fetches the Kafka broker.", "none");
  const project = join(directory, "project");
  await mkdir(project);
  await writeFile(join(project, "pom.xml"), pom);
  const goal = `org.apache.maven.plugins:maven-dependency-plugin:${copyPluginVersion}:copy-dependencies`;
  const args = ["-B", "-q", "-f", project, goal, `-DoutputDirectory=${directory}`, "-DincludeScope=runtime"];
  const { status, stdout, stderr } = await runCommand(maven, args);
  if (status !== 0) throw downloadFailed(lastLines(`${stdout}\n${stderr}`));
  await rm(project, { recursive: true });
  await checkJars(directory);
}

const pom = `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>anneal</groupId>
  <artifactId>broker</artifactId>
  <version>1</version>
  <packaging>pom</packaging>
  <dependencies>
    <dependency>
      <groupId>org.apache.kafka</groupId>
      <artifactId>kafka_2.13</artifactId>
      <version>${kafkaVersion}</version>
    </dependency>
    <dependency>
      <groupId>org.apache.logging.log4j</groupId>
      <artifactId>log4j-slf4j-impl</artifactId>
      <version>${slf4jVersion}</version>
    </dependency>
  </dependencies>
</project>
`;

/** Throws HASH_MISMATCH unless a folder holds the pinned archives, all of them and nothing else. */
export async function checkJars(
  directory: string,
  pinned: Readonly<Record<string, string>> = kafkaJars,
): Promise<void> {
  const names = new Set([...Object.keys(pinned), ...(await readdir(directory))]);
  for (const name of names) {
    const bytes = await readFile(join(directory, name)).catch(() => null);
    const found = bytes === null ? "missing" : createHash("sha256").update(bytes).digest("hex");
    const expected = pinned[name] ?? "not pinned";
    if (found !== expected) throw hashMismatch(name, expected, found);
  }
}

function missing(tool: "java" | "mvn", message: string, found: string): AnnealError {
  const command =
    tool === "java"
      ? installCommand({ debian: "openjdk-17-jre-headless", fedora: "java-17-openjdk-headless" })
      : installCommand({ debian: "maven", fedora: "maven" });
  const needed = tool === "java" ? `${oldestJava}` : "any";
  return new AnnealError("TOOL_MISSING", message, `Install it: ${command}`, { tool, found, needed });
}

function downloadFailed(detail: string): AnnealError {
  return new AnnealError(
    "DOWNLOAD_FAILED",
    `Kafka ${kafkaVersion} could not be fetched by Maven: ${detail}`,
    "Check the network and Maven's settings, then run `pnpm provision kafka` again.",
    { project: "org.apache.kafka:kafka_2.13", version: kafkaVersion },
  );
}

function hashMismatch(name: string, expected: string, found: string): AnnealError {
  return new AnnealError(
    "HASH_MISMATCH",
    `${name} of Kafka ${kafkaVersion} is not the file that was pinned: its sha256 is ${found}. Nothing was installed.`,
    "Check which repository or mirror Maven uses (~/.m2/settings.xml), then try again.",
    { project: name, version: kafkaVersion, expected, found },
  );
}
