"""Takes the README's pictures from `sluice demo`: `python -m benchmarks.screenshots`.

The demo has the same seed each time, and its week ends now. Pictures are WebP, which is a third of
PNG, and go to docs/pictures.
"""

import argparse
import base64
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Literal, NamedTuple

from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright

from benchmarks.bench_pages import IS_WHOLE, address_of, let_in, sign_in
from benchmarks.server import Server, running
from tests.components import chromium

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "pictures"
WINDOW: ViewportSize = {"width": 1440, "height": 900}
SCALE = 1.5
QUALITY = 70
SEED = "7"
CHARTS_MS = 500
"""Charts and fonts have no event that says they are drawn."""


class Picture(NamedTuple):
    """What is taken; of a list the first row is opened where `opens_first`."""

    name: str
    path: str
    theme: Literal["light", "dark"] = "light"
    opens_first: bool = False


PICTURES = (
    Picture("overview", "overview?range=24h"),
    Picture("overview-dark", "overview?range=24h", "dark"),
    Picture("explore", "llm/explore?range=24h&by=model&measure=cost"),
    Picture(
        "trace",
        "llm/traces?range=7d&where=metadata.feature:support-chat+status:success",
        opens_first=True,
    ),
    Picture("issues", "errors/issues?range=7d"),
    Picture("issue", "errors/issues?range=7d&where=type:PaymentDeclined", opens_first=True),
    Picture("performance", "performance?range=7d"),
)
"""A picture more is a line more."""


def main() -> None:
    """Starts a server, fills it, and takes each picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--to", type=Path, default=FOLDER)
    folder: Path = parser.parse_args().to
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="sluice-pictures-") as place:
        data_dir = Path(place)
        with running(data_dir=data_dir) as server, sync_playwright() as playwright:
            send_demo(data_dir)
            server.wait_stored()
            browser = playwright.chromium.launch(
                executable_path=chromium.program(),
                args=["--no-sandbox", "--disable-dev-shm-usage"],
            )
            cookies = sign_in(server)
            for picture in PICTURES:
                taken = take(browser, server, cookies, picture)
                file = folder / f"{picture.name}.webp"
                file.write_bytes(taken)
                print(f"{file}: {len(taken) / 1000:.0f} kB")
            browser.close()


def send_demo(data_dir: Path) -> None:
    """Fills the project demo of the server that runs on a data directory."""
    command = [str(Path(sys.executable).with_name("sluice")), "demo", "--seed", SEED]
    environment = {**os.environ, "SLUICE_DATA_DIR": str(data_dir)}
    subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)


def take(browser: Browser, server: Server, cookies: dict[str, str], picture: Picture) -> bytes:
    """Returns what a person sees who opens a page of the demo."""
    context = browser.new_context(
        viewport=WINDOW, device_scale_factor=SCALE, color_scheme=picture.theme
    )
    let_in(context, server, cookies)
    page = context.new_page()
    page.goto(f"{address_of(server)}{_project_of(page, server)}/{picture.path}")
    if picture.opens_first:
        link = page.locator("main a.row").first.get_attribute("href")
        page.goto(f"{address_of(server)}{link}")
    page.wait_for_function(IS_WHOLE)
    page.wait_for_timeout(CHARTS_MS)
    shot = context.new_cdp_session(page).send(
        "Page.captureScreenshot", {"format": "webp", "quality": QUALITY}
    )
    context.close()
    return base64.b64decode(shot["data"])


def _project_of(page: Page, server: Server) -> str:
    """Returns the path of the project demo, as the project switch has it."""
    page.goto(address_of(server))
    path = page.locator("nav .project a", has_text="demo").get_attribute("href")
    assert path is not None
    return path.removesuffix("/overview")


if __name__ == "__main__":
    main()
