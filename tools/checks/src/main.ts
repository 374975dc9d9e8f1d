/**
 * `node tools/checks/src/main.ts boundaries [--json]`: every rule over the workspace in the current directory.
 * `node tools/checks/src/main.ts tally [--slow]`: sums the reports of the tests; the last line is `N passed, N failed`.
 */
import { checkWorkspace } from "./check-workspace.ts";
import { tallyWorkspace } from "./tally.ts";

// Nx as a library: in this process, without asking or telling anybody anything.
process.env.NX_DAEMON = "false";
process.env.NX_ISOLATE_PLUGINS = "false";

const [command, ...flags] = process.argv.slice(2);

if (command === "boundaries") {
  const violations = await checkWorkspace(process.cwd());
  if (flags.includes("--json")) console.log(JSON.stringify(violations));
  else for (const { rule, file, message } of violations) console.log(`${file}: ${message} [${rule}]`);
  if (!flags.includes("--json"))
    console.log(violations.length === 0 ? "Every rule holds." : `${violations.length} broken rules.`);
  process.exitCode = violations.length === 0 ? 0 : 1;
} else if (command === "tally") {
  const { numPassed, numFailed, failures } = tallyWorkspace(
    process.cwd(),
    flags.includes("--slow") ? "test-slow" : "test",
  );
  for (const failure of failures) console.log(`failed: ${failure}`);
  console.log(`${numPassed} passed, ${numFailed} failed`);
  process.exitCode = numFailed === 0 ? 0 : 1;
} else {
  console.error("usage: node tools/checks/src/main.ts boundaries [--json] | tally [--slow]");
  process.exitCode = 2;
}
