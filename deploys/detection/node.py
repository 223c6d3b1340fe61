"""Node: which package manager its lock file is of, and whether it is a server or a site."""

from typing import Any

from deploys.detection.files import Files
from deploys.detection.found import Found

ENTRIES = ("server.js", "index.js", "app.js", "main.js", "server.mjs", "index.mjs")
FRAMEWORKS = {
    "next": "Next.js",
    "nuxt": "Nuxt",
    "@remix-run/serve": "Remix",
    "@sveltejs/kit": "SvelteKit",
    "@nestjs/core": "NestJS",
    "astro": "Astro",
    "gatsby": "Gatsby",
    "@docusaurus/core": "Docusaurus",
    "@angular/core": "Angular",
    "react-scripts": "Create React App",
    "@vue/cli-service": "Vue CLI",
    "@11ty/eleventy": "Eleventy",
    "vite": "Vite",
    "express": "Express",
    "fastify": "Fastify",
    "koa": "Koa",
}
SITES = {
    "astro": "dist",
    "gatsby": "public",
    "@docusaurus/core": "build",
    "react-scripts": "build",
    "@vue/cli-service": "dist",
    "@11ty/eleventy": "_site",
    "vite": "dist",
}
"""Where these put the site that they build."""
DEVELOPMENT = ("react-scripts", "vite", "vue-cli-service", "gatsby", "docusaurus", "astro", "ng ")
"""A start script that begins with one of these is for whoever writes the site."""
STARTS = {"nuxt": "node .output/server/index.mjs", "next": "next start -p $PORT"}


def find_node(files: Files) -> Found | None:
    """Returns how an app in Node is run, `None` where there is none."""
    package = files.json("package.json")
    if not files.has("package.json"):
        return None
    needs = _table(package, "dependencies") | _table(package, "devDependencies")
    scripts = _table(package, "scripts")
    manager, lock = _manager(files, str(package.get("packageManager", "")))
    framework = next((name for name in FRAMEWORKS if name in needs), "")
    start = _start(files, package, scripts, framework)
    site = "" if start else _site(files, framework, scripts)
    shown = FRAMEWORKS.get(framework, "")
    how = f" with {shown}" if shown else ""
    served = f"; its build makes a site in {site}/, which Sluice serves" if site else ""
    return Found(
        language="node",
        framework=shown.lower(),
        package_manager=manager,
        install=_install(manager, lock) if needs or lock else "",
        build=f"{_runner(manager)} run build" if "build" in scripts else "",
        start=start,
        site=site,
        why=f"{lock or 'package.json'} says that this is Node{how}{served}",
    )


def _manager(files: Files, named: str) -> tuple[str, str]:
    locks = {
        "package-lock.json": "npm",
        "npm-shrinkwrap.json": "npm",
        "pnpm-lock.yaml": "pnpm",
        "yarn.lock": "yarn",
        "bun.lock": "bun",
        "bun.lockb": "bun",
    }
    for lock, manager in locks.items():
        if files.has(lock):
            return manager, lock
    name = named.partition("@")[0]
    return (name if name in set(locks.values()) else "npm"), ""


def _runner(manager: str) -> str:
    # npm comes with Node; npx fetches the others where they are not installed.
    return "npm" if manager == "npm" else f"npx --yes {manager}"


def _install(manager: str, lock: str) -> str:
    if manager == "npm":
        return "npm ci" if lock else "npm install"
    return f"{_runner(manager)} install{' --frozen-lockfile' if lock else ''}"


def _start(files: Files, package: dict[str, Any], scripts: dict[str, Any], framework: str) -> str:
    script = str(scripts.get("start", "")).strip()
    if script and not (framework in SITES and script.startswith(DEVELOPMENT)):
        return "npm start"
    if framework in STARTS:
        return STARTS[framework]
    if framework in SITES:
        return ""
    main = str(package.get("main", ""))
    entry = next((name for name in (main, *ENTRIES) if name and files.has(name)), "")
    return f"node {entry}" if entry and "'" not in entry and " " not in entry else ""


def _site(files: Files, framework: str, scripts: dict[str, Any]) -> str:
    if "build" not in scripts:
        return ""
    if framework == "@angular/core":
        projects = _table(files.json("angular.json"), "projects")
        return f"dist/{next(iter(projects))}/browser" if projects else ""
    return SITES.get(framework, "")


def _table(table: dict[str, Any], name: str) -> dict[str, Any]:
    found = table.get(name)
    return found if isinstance(found, dict) else {}
