// What every program for JavaScript does: one scenario, and its results on one line of JSON.
//
// `client` has the calls of an SDK in one form. `over` is a promise that ends the scenario "until told".

const MANY = 70;

export async function run(client, task, over) {
  return await { once, many, untilTold }[task](client, over);
}

// One of each: an error with a stack and breadcrumbs, a message, a transaction with spans.
async function once(client) {
  await client.sendAll();
  await client.flush();
  return client.results();
}

// More messages than a minute's limit allows, each sent before the next.
async function many(client) {
  for (let number = 0; number < MANY; number++) {
    client.message(`message ${number}`);
    await client.flush();
  }
  return client.results();
}

// One message after the other, until told that it is over.
async function untilTold(client, over) {
  let isOver = false;
  over.then(() => (isOver = true));
  for (let number = 0; !isOver; number++) {
    client.message(`message ${number}`);
    await client.flush();
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
  return client.results();
}
