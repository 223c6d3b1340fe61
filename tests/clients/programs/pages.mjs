// Both SDKs in a page: `start("sentry", "sentry_flushed" or "open_sentry", DSN, TASK)`, and `tellOver()`.

import * as Sentry from "@sentry/browser";
import { connect } from "./open_sentry.mjs";
import { clientOf, options } from "./sentry.mjs";
import { run } from "./steps.mjs";

const over = new Promise((resolve) => (globalThis.tellOver = resolve));

globalThis.start = (sdk, dsn, task) => {
  if (sdk === "open_sentry") {
    return run(connect(dsn), task, over);
  }
  Sentry.init({ ...options(dsn), integrations: [Sentry.browserTracingIntegration()] });
  const between = sdk === "sentry_flushed" ? () => Sentry.flush(5000) : undefined;
  return run(clientOf(Sentry, between), task, over);
};
