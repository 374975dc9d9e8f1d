import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { grantedMemory, readMemory, readOomKills, readProcessMemory } from "./memoryLimits.ts";

const folder = mkdtempSync(join(tmpdir(), "anneal-limits-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const gibibyte = 2 ** 30;
const machine = {
  "proc/meminfo": "MemTotal:       25165824 kB\nMemFree:        1 kB\nMemAvailable:   12582912 kB\n",
  "proc/self/status": "VmPeak:\t 4194304 kB\nVmSize:\t 3145728 kB\nVmRSS:\t 1048576 kB\nVmData:\t 2097152 kB\n",
  "proc/self/limits":
    "Limit   Soft Limit  Hard Limit  Units\nMax address space         unlimited            unlimited            bytes\n",
};

/** A file system with the kernel's files. */
function tree(files: Readonly<Record<string, string>>): string {
  const root = mkdtempSync(join(folder, "root-"));
  for (const [path, text] of Object.entries({ ...machine, ...files })) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  return root;
}

const none = "9223372036854771712\n";

test.each<[string, Readonly<Record<string, string>>, number, string]>([
  ["the machine, where nothing limits", {}, 24, "the machine"],
  [
    "cgroup v2, where a group above has the smallest limit",
    {
      "proc/self/cgroup": "0::/pods/one/trainer\n",
      "sys/fs/cgroup/pods/one/trainer/memory.max": "max\n",
      "sys/fs/cgroup/pods/one/trainer/memory.high": "max\n",
      "sys/fs/cgroup/pods/one/trainer/memory.current": "100\n",
      "sys/fs/cgroup/pods/one/memory.max": `${4 * gibibyte}\n`,
      "sys/fs/cgroup/pods/one/memory.current": "100\n",
      "sys/fs/cgroup/pods/memory.max": `${8 * gibibyte}\n`,
      "sys/fs/cgroup/pods/memory.current": "100\n",
    },
    4,
    "its control group",
  ],
  [
    "cgroup v2's memory.high, below memory.max",
    {
      "proc/self/cgroup": "0::/one\n",
      "sys/fs/cgroup/one/memory.max": `${4 * gibibyte}\n`,
      "sys/fs/cgroup/one/memory.high": `${3 * gibibyte}\n`,
      "sys/fs/cgroup/one/memory.current": "100\n",
    },
    3,
    "its control group",
  ],
  [
    "cgroup v2 in a container, whose own group is the root",
    {
      "proc/self/cgroup": "0::/\n",
      "sys/fs/cgroup/memory.max": `${2 * gibibyte}\n`,
      "sys/fs/cgroup/memory.current": "100\n",
    },
    2,
    "its control group",
  ],
  [
    "cgroup v1 beside an empty version 2",
    {
      "proc/self/cgroup": "9:memory:/box/trainer\n1:name=systemd:/x\n0::/\n",
      "sys/fs/cgroup/memory/box/trainer/memory.limit_in_bytes": none,
      "sys/fs/cgroup/memory/box/trainer/memory.usage_in_bytes": "100\n",
      "sys/fs/cgroup/memory/box/memory.limit_in_bytes": `${5 * gibibyte}\n`,
      "sys/fs/cgroup/memory/box/memory.usage_in_bytes": "100\n",
      "sys/fs/cgroup/memory/memory.limit_in_bytes": none,
      "sys/fs/cgroup/memory/memory.usage_in_bytes": "100\n",
    },
    5,
    "its control group",
  ],
  [
    "cgroup v1 in a container, whose group has the host's path",
    {
      "proc/self/cgroup": "9:hugetlb,memory:/docker/abc\n",
      "sys/fs/cgroup/memory/memory.limit_in_bytes": `${gibibyte}\n`,
      "sys/fs/cgroup/memory/memory.usage_in_bytes": "100\n",
    },
    1,
    "its control group",
  ],
  // 6 GiB, of which 3 are taken, 1 of them resident.
  [
    "the address space's limit, without what is only reserved",
    {
      "proc/self/limits": `Max address space         ${6 * gibibyte}           unlimited            bytes\n`,
    },
    4,
    "the limit of its address space",
  ],
  // 4 GiB, of which 2 are taken.
  [
    "the data's limit",
    { "proc/self/limits": `Max data size             ${4 * gibibyte}           unlimited            bytes\n` },
    3,
    "the limit of its data",
  ],
])("grants %s", (_name, files, gibibytes, source) => {
  expect(grantedMemory(tree(files))).toEqual({ bytes: gibibytes * gibibyte, source });
});

test("reads what is in use, of the group that is closest to its limit, without files that can be dropped", () => {
  const root = tree({
    "proc/self/cgroup": "0::/one/two\n",
    "sys/fs/cgroup/one/two/memory.max": `${4 * gibibyte}\n`,
    "sys/fs/cgroup/one/two/memory.current": `${2 * gibibyte}\n`,
    "sys/fs/cgroup/one/two/memory.stat": `anon 5\ninactive_file ${gibibyte}\nactive_file 7\n`,
    "sys/fs/cgroup/one/two/memory.pressure": "some avg10=20.00 avg60=0 total=1\nfull avg10=12.50 avg60=0 total=1\n",
    "sys/fs/cgroup/one/memory.max": `${16 * gibibyte}\n`,
    "sys/fs/cgroup/one/memory.current": `${3 * gibibyte}\n`,
    "proc/pressure/memory": "some avg10=1.00\nfull avg10=1.00\n",
  });
  expect(readMemory(root)).toEqual({
    rssBytes: gibibyte,
    group: { usedBytes: gibibyte, limitBytes: 4 * gibibyte },
    machine: { availableBytes: 12 * gibibyte, totalBytes: 24 * gibibyte },
    stalledShare: 0.125,
  });
  const v1 = tree({
    "proc/self/cgroup": "4:memory:/box\n0::/\n",
    "sys/fs/cgroup/memory/box/memory.limit_in_bytes": `${2 * gibibyte}\n`,
    "sys/fs/cgroup/memory/box/memory.usage_in_bytes": `${gibibyte}\n`,
    "sys/fs/cgroup/memory/box/memory.stat": "inactive_file 1\ntotal_inactive_file 1024\n",
    "proc/pressure/memory": "some avg10=9.00 avg60=0\nfull avg10=3.00 avg60=0\n",
  });
  expect(readMemory(v1)).toMatchObject({
    group: { usedBytes: gibibyte - 1_024, limitBytes: 2 * gibibyte },
    stalledShare: 0.03,
  });
  expect(readMemory(tree({}))).toMatchObject({ group: null, stalledShare: null });
});

test.each<[string, Readonly<Record<string, string>>, number | null]>([
  [
    "the process's own control group",
    {
      "proc/self/cgroup": "0::/box/trainer\n",
      "sys/fs/cgroup/box/trainer/memory.events": "low 0\nmax 3\noom 2\noom_kill 2\noom_group_kill 0\n",
      "proc/vmstat": "nr_free_pages 9\noom_kill 4\n",
    },
    2,
  ],
  [
    "its group in cgroup v1",
    {
      "proc/self/cgroup": "11:cpu,cpuacct:/other\n9:memory:/box/trainer\n1:name=systemd:/x\n0::/\n",
      "sys/fs/cgroup/memory/box/trainer/memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 3\n",
      "proc/vmstat": "nr_free_pages 9\noom_kill 4\n",
    },
    3,
  ],
  [
    "cgroup v1 in a container, whose group has the host's path",
    {
      "proc/self/cgroup": "9:hugetlb,memory:/docker/abc\n",
      "sys/fs/cgroup/memory/memory.oom_control": "oom_kill_disable 0\noom_kill 1\n",
    },
    1,
  ],
  ["the machine, for a process in the root group", { "proc/self/cgroup": "0::/\n", "proc/vmstat": "oom_kill 4\n" }, 4],
  [
    "the machine, where an old kernel's group does not count",
    {
      "proc/self/cgroup": "9:memory:/box\n",
      "sys/fs/cgroup/memory/box/memory.oom_control": "under_oom 0\n",
      "proc/vmstat": "nr_free_pages 9\noom_kill 4\n",
    },
    4,
  ],
  ["nothing", {}, null],
])("counts the kernel's kills of %s", (_name, files, expected) => {
  expect(readOomKills(tree(files))).toBe(expected);
});

test("a process and its limits, until it is gone", () => {
  const root = tree({
    "proc/7/status": "VmPeak:\t 4096 kB\nVmRSS:\t 1024 kB\nVmData:\t 2048 kB\n",
    "proc/7/limits": [
      "Max data size             unlimited            unlimited            bytes",
      "Max address space         8388608              unlimited            bytes\n",
    ].join("\n"),
  });
  expect(readProcessMemory(7, root)).toEqual({
    rssBytes: 1_048_576,
    limits: [{ usedBytes: 4_194_304, limitBytes: 8_388_608 }],
  });
  expect(readProcessMemory(8, root)).toBeNull();
});

test("this machine tells", () => {
  expect(grantedMemory().bytes).toBeGreaterThan(2 ** 28);
  const { rssBytes, machine: whole } = readMemory();
  expect(rssBytes).toBeGreaterThan(2 ** 24);
  if (process.platform === "linux") expect(whole!.totalBytes).toBeGreaterThan(rssBytes);
});
