// @zapdev-labs/sentry-clone in Node: node open_sentry_node.mjs DSN TASK

import { connect } from "./open_sentry.mjs";
import { program } from "./program.mjs";

await program(connect);
