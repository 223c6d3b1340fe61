// @sentry/node whose transaction lasts longer than its SDK keeps spans: it sends them every 5 seconds.

import * as Sentry from "@sentry/node";
import { program } from "./program.mjs";
import { clientOf, options, pause } from "./sentry.mjs";

await program((dsn) => {
  Sentry.init(options(dsn));
  return clientOf(Sentry, () => pause(6000));
});
