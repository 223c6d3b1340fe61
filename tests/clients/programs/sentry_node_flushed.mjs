// @sentry/node that is flushed within a transaction: the first spans are sent before their segment.

import * as Sentry from "@sentry/node";
import { program } from "./program.mjs";
import { clientOf, options } from "./sentry.mjs";

await program((dsn) => {
  Sentry.init(options(dsn));
  return clientOf(Sentry, () => Sentry.flush(5000));
});
