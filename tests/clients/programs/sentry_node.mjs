// @sentry/node, as a program uses it: node sentry_node.mjs DSN TASK

import * as Sentry from "@sentry/node";
import { program } from "./program.mjs";
import { clientOf, options } from "./sentry.mjs";

await program((dsn) => {
  Sentry.init(options(dsn));
  return clientOf(Sentry);
});
