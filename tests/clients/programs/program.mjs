// A program of Node: takes a DSN and a task, ends "until told" with its input, writes its results.

import process from "node:process";
import { run } from "./steps.mjs";

export async function program(connect) {
  const [dsn, task] = process.argv.slice(2);
  const over = new Promise((resolve) => process.stdin.on("end", resolve).resume());
  const results = await run(connect(dsn), task, over);
  process.stdout.write(`${JSON.stringify(results)}\n`, () => process.exit());
}
