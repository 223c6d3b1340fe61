// What both SDKs of Sentry for JavaScript do alike: they take the same calls.

import { checkout } from "./shop.mjs";

export function options(dsn) {
  return { dsn, release: "shop@1.2.3", environment: "staging", tracesSampleRate: 1 };
}

// `between` is what happens while the transaction is under way.
export function clientOf(Sentry, between = async () => {}) {
  const answered = [];
  const made = {};
  Sentry.getClient().on("afterSendEvent", (event, response) => {
    if (response?.statusCode === 200) {
      answered.push(event.event_id);
    }
  });

  return {
    message: (text) => Sentry.captureMessage(text),
    flush: () => Sentry.flush(5000),
    results: () => ({ answered, ...made }),
    async sendAll() {
      Sentry.setUser({ id: "ann", email: "ann@example.com" });
      Sentry.setTag("feature", "checkout");
      Sentry.setContext("order", { lines: 3 });
      for (let number = 0; number < 3; number++) {
        Sentry.addBreadcrumb({ category: "ui", message: `click ${number}`, level: "info" });
      }
      made.message = Sentry.captureMessage("disk is nearly full", "warning");
      const root = { name: "GET /checkout", op: "http.server", forceTransaction: true };
      await Sentry.startSpan(root, async (root) => {
        made.trace = root.spanContext().traceId;
        await Sentry.startSpan({ name: "SELECT 1", op: "db.query" }, async () => {
          await Sentry.startSpan({ name: "rows", op: "db.fetch" }, () => pause(5));
        });
        try {
          checkout();
        } catch (error) {
          made.error = Sentry.captureException(error);
        }
        await between();
        await Sentry.startSpan({ name: "render", op: "view" }, () => pause(5));
      });
    },
  };
}

export function pause(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
