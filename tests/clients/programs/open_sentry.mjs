// What Open Sentry's SDK does, alike in Node and in a page.

import * as Clone from "@zapdev-labs/sentry-clone";
import { checkout } from "./shop.mjs";

export const TRACE = "0af7651916cd43dd8448eb211c80319c";

export function connect(dsn) {
  // It says nothing of what it was answered.
  const answered = [];
  const fetched = globalThis.fetch;
  globalThis.fetch = async (...given) => {
    const answer = await fetched(...given);
    answered.push(answer.status);
    return answer;
  };
  Clone.init({ dsn, environment: "staging", release: "shop@1.2.3", tracesSampleRate: 1 });

  return {
    message: (text) => Clone.captureMessage(text, "warning"),
    flush: () => Clone.flush(),
    results: () => ({ answered }),
    async sendAll() {
      Clone.setUser({ id: "ann", email: "ann@example.com" });
      Clone.setTag("feature", "checkout");
      for (let number = 0; number < 3; number++) {
        Clone.addBreadcrumb({ category: "ui", message: `click ${number}`, level: "info" });
      }
      Clone.captureMessage("disk is nearly full", "warning");
      try {
        checkout();
      } catch (error) {
        Clone.captureException(error);
      }
      sendTransaction();
      sendGenerations();
    },
  };
}

function sendTransaction() {
  const transaction = Clone.startTransaction("GET /checkout");
  transaction.startChild("db.query", "SELECT 1").finish();
  transaction.startChild("view", "render").finish();
  transaction.finish("ok");
}

// One whose cost is told, one whose cost follows from its model and tokens.
function sendGenerations() {
  Clone.captureOpenRouterGeneration(
    {
      prompt_tokens: 1000,
      completion_tokens: 200,
      total_tokens: 1200,
      cost: 0.00123,
      prompt_tokens_details: { cached_tokens: 400 },
    },
    "openai/gpt-4o",
    { traceId: TRACE, latencyMs: 321, status: "ok" },
  );
  Clone.captureGeneration({
    provider: "openai",
    model: "gpt-4o-mini",
    inputTokens: 1000,
    outputTokens: 500,
    latencyMs: 120,
    timeToFirstTokenMs: 40,
    status: "error",
    traceId: TRACE,
    tags: { prompt: "greeting" },
    metadata: { attempt: 2 },
  });
}
