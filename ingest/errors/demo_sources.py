"""Pieces of source of a shop that does not exist, as frames of its stacks: API, worker, pages."""

from typing import Any

from ingest.errors.demo_maps import minified, unmapped

Frame = dict[str, Any]


def _frame(file: str, function: str, first_line: int, source: str) -> Frame:
    """Returns a frame; the line of `source` that begins with `>` is the one it stands at."""
    lines = source.strip("\n").split("\n")
    at = next(number for number, line in enumerate(lines) if line.startswith(">"))
    return {
        "filename": file,
        "abs_path": f"/srv/{file}",
        "module": file.rsplit(".", 1)[0].replace("/", "."),
        "function": function,
        "lineno": first_line + at,
        "pre_context": lines[:at],
        "context_line": " " + lines[at][1:],
        "post_context": lines[at + 1 :],
        "in_app": True,
    }


def _library(file: str, function: str, line: int, source: str = "") -> Frame:
    frame = {"filename": file, "function": function, "lineno": line, "in_app": False}
    return frame | ({"context_line": source} if source else {})


SOURCES: dict[str, Frame] = {
    # The API, in Python.
    "flask": _library("flask/app.py", "dispatch_request", 1484, "return view(**args)"),
    "sqlalchemy": _library("sqlalchemy/engine/base.py", "_execute_context", 1963),
    "httpx": _library("httpx/_transports/default.py", "handle_request", 250),
    "redis": _library("redis/connection.py", "read_response", 512, "raise response"),
    "checkout": _frame(
        "shop/api/checkout.py",
        "place_order",
        84,
        """
def place_order(cart: Cart, customer: Customer) -> Order:
    order = Order.from_cart(cart, customer)
    reserve(order.lines)
>   charge = payments.charge(order.total, customer.card)
    order.paid_with(charge)
    return order
""",
    ),
    "charge": _frame(
        "shop/payments/gateway.py",
        "charge",
        41,
        """
def charge(total: Money, card: Card) -> Charge:
    body = {"amount": total.cents, "currency": total.currency, "source": card.token}
>   answer = client.post("/v1/charges", json=body, timeout=TIMEOUT_S)
    if answer.status_code != 201:
        raise PaymentDeclined(answer.json()["reason"])
    return Charge(**answer.json())
""",
    ),
    "stock": _frame(
        "shop/stock/reserve.py",
        "reserve",
        27,
        """
def reserve(lines: list[Line]) -> None:
    for line in lines:
        shelf = Shelf.locked(line.sku)
>       shelf.take(line.count)
        shelf.save()
""",
    ),
    "orders": _frame(
        "shop/api/orders.py",
        "list_orders",
        52,
        """
    rows = session.scalars(select(Order).where(Order.customer_id == customer.id))
>   return [summary(row, row.lines, row.parcel.state) for row in rows]
""",
    ),
    "search": _frame(
        "shop/api/search.py",
        "search",
        33,
        """
    wanted = assistant.to_query(text, catalogue=catalogue.names())
>   hits = catalogue.find(wanted["query"], max_price=wanted["max_price"])
    return [hit.card() for hit in hits[:3]]
""",
    ),
    "assistant": _frame(
        "shop/assistant/client.py",
        "to_query",
        61,
        """
    messages = [system(PROMPT), user(text)]
>   answer = llm.chat.completions.create(model=MODEL, messages=messages)
    return json.loads(answer.choices[0].message.content)
""",
    ),
    "cart": _frame(
        "shop/api/cart.py",
        "add_item",
        19,
        """
    cart = Cart.of(request.session)
>   cart.add(request.json["sku"], int(request.json["count"]))
    cache.set(cart.key, cart.dump(), ex=CART_S)
""",
    ),
    "login": _frame(
        "shop/api/accounts.py",
        "sign_in",
        70,
        """
    account = Account.by_email(form.email)
>   if not account.password.matches(form.password):
        raise WrongPassword()
""",
    ),
    "prices": _frame(
        "shop/catalogue/prices.py",
        "price_in",
        15,
        """
def price_in(product: Product, currency: str) -> Money:
>   return product.price * RATES[currency]
""",
    ),
    # The worker, in Node.
    "bullmq": _library(
        "node_modules/bullmq/dist/cjs/classes/worker.js",
        "processJob",
        455,
        "const result = await this.processFn(job, token);",
    ),
    "node:net": _library("node:net", "TCPConnectWrap.afterConnect", 1595),
    "receipt": _frame(
        "worker/src/jobs/receipt.ts",
        "sendReceipt",
        22,
        """
export async function sendReceipt(job: Job<Receipt>) {
  const order = await orders.get(job.data.orderId);
> const html = render("receipt", { order, total: order.total.format() });
  await mail.send(order.email, html);
}
""",
    ),
    "mail": _frame(
        "worker/src/mail.ts",
        "send",
        38,
        """
  const message = { from: FROM, to, html };
> const info = await transport.sendMail(message);
  log.info("sent", info.messageId);
""",
    ),
    "images": _frame(
        "worker/src/jobs/images.ts",
        "resize",
        17,
        """
  for (const width of WIDTHS) {
>   await sharp(original).resize(width).webp().toFile(target(id, width));
  }
""",
    ),
    "sync": _frame(
        "worker/src/jobs/stock.ts",
        "syncStock",
        45,
        """
  const page = await supplier.page(cursor);
> for (const row of page.rows) await shelves.set(row.sku, row.free);
  return page.next;
""",
    ),
    "exports": _frame(
        "worker/src/jobs/exports.ts",
        "writeExport",
        31,
        """
  const rows = await orders.between(from, until);
> await bucket.put(`exports/${job.id}.csv`, toCsv(rows));
""",
    ),
    # The pages, in the browser.
    "react": _library("vendor/react-dom.production.min.js", "commitRoot", 1),
    "product": _frame(
        "src/pages/Product.tsx",
        "Gallery",
        28,
        """
export function Gallery({ product }: Props) {
> const first = product.images[0].url;
  return <Zoom src={first} alt={product.name} />;
}
""",
    ),
    "basket": _frame(
        "src/state/basket.ts",
        "restore",
        12,
        """
  const saved = localStorage.getItem("basket");
> const lines = JSON.parse(saved!).lines;
  dispatch({ type: "restored", lines });
""",
    ),
    "fetch": _frame(
        "src/api/client.ts",
        "request",
        40,
        """
  const answer = await fetch(`${BASE}${path}`, options);
> if (!answer.ok) throw new ApiError(answer.status, path);
  return answer.json();
""",
    ),
    "pay": _frame(
        "src/pages/Checkout.tsx",
        "onPay",
        66,
        """
  const onPay = async () => {
    setBusy(true);
>   const order = await api.checkout(basket.lines, address.country);
    navigate(`/thanks/${order.id}`);
  };
""",
    ),
    "chat": _frame(
        "src/widgets/Assistant.tsx",
        "onMessage",
        54,
        """
  const part = JSON.parse(event.data);
> setText(text => text + part.choices[0].delta.content);
""",
    ),
    # What a source map turns into source; the call of another's script stays as it is.
    "confetti": unmapped(),
    "gift:click": minified("n(r)}document", "HTMLElement.a"),
    "gift:wrap": minified("t(e.gift.occasion)", "n"),
    "gift:paper": minified("new RangeError", "t"),
    "map": _frame(
        "src/widgets/ShopFinder.tsx",
        "showNearest",
        21,
        """
  const place = await locate();
> map.panTo(nearest(shops, place).position);
""",
    ),
}
