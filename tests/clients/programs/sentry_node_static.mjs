// @sentry/node that sends whole transactions, also where it is flushed within one.

import * as Sentry from "@sentry/node";
import { program } from "./program.mjs";
import { clientOf, options } from "./sentry.mjs";

await program((dsn) => {
  Sentry.init({ ...options(dsn), traceLifecycle: "static" });
  return clientOf(Sentry, () => Sentry.flush(5000));
});
