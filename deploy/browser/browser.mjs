// The browser, and pages that note everything that should not happen on them.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import assert from "node:assert/strict";

const tools = createRequire(join(process.env.BROWSER_TOOLS, "package.json"));
const { chromium } = tools("playwright-core");
const axe = readFileSync(tools.resolve("axe-core/axe.min.js"), "utf8");

export const LANGUAGES = ["en", "ru", "kk"];
export const SIZES = { phone: { width: 360, height: 740 }, desk: { width: 1280, height: 800 } };

let browser;

export async function launch() {
  browser = await chromium.launch({ executablePath: process.env.CHROMIUM, args: ["--no-sandbox"] });
}

export async function quit() {
  await browser?.close();
}

// Opens `address` in a context of its own, lets `act(page)` work on it, and fails when the page complained meanwhile.
export async function visit(address, options, act) {
  const { init, expected = [], ...context } = options;
  const visitor = await browser.newContext({ locale: "en", viewport: SIZES.phone, ...context });
  const complaints = [];
  try {
    const page = await visitor.newPage();
    page.on("pageerror", (error) => complaints.push(`error: ${error.stack}`));
    page.on("console", (message) => {
      const text = `${message.type()}: ${message.text()} ${message.location().url}`;
      if (["error", "warning"].includes(message.type())) complaints.push(text);
    });
    await page.exposeFunction("__violated", (what) => complaints.push(`policy: ${what}`));
    await page.addInitScript(() =>
      addEventListener("securitypolicyviolation", (event) =>
        window.__violated(`${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}`),
      ),
    );
    if (init) await page.addInitScript(init);
    const answer = await page.goto(address, { waitUntil: "load" });
    await act(page, answer);
    const unexpected = complaints.filter((one) => !expected.some((pattern) => pattern.test(one)));
    assert.deepEqual(unexpected, [], "the page complained");
  } finally {
    await visitor.close();
  }
}

// Waits until `look()` gives what `is` accepts; says what it saw last when it never does.
export async function eventually(what, look, is = Boolean, withinMs = 15_000) {
  const until = performance.now() + withinMs;
  for (;;) {
    const seen = await look();
    if (is(seen)) return seen;
    if (performance.now() > until) assert.fail(`${what}: still ${JSON.stringify(seen)}`);
    await new Promise((wake) => setTimeout(wake, 25));
  }
}

// The rows as a reader sees them.
export const rows = (page) =>
  page.$$eval("#rows tr", (found) =>
    found.map((row) => ({
      member: row.dataset.member,
      rank: Number(row.cells[0].textContent),
      who: row.cells[1].textContent.trim(),
      score: row.cells[2].textContent,
    })),
  );

export const members = async (page) => (await rows(page)).map((row) => row.member);

// Serious and critical findings of axe, with `target-size`, which it leaves out unless asked.
export async function findings(page) {
  await page.evaluate(axe);
  const results = await page.evaluate(() =>
    window.axe.run(document, { rules: { "target-size": { enabled: true } }, resultTypes: ["violations"] }),
  );
  const grave = results.violations.filter((one) => ["serious", "critical"].includes(one.impact));
  return grave.map((one) => `${one.id}: ${one.nodes.map((node) => node.html).join(" | ")}`);
}

export async function assertNoSidewaysScroll(page) {
  const [content, screen] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
  assert.ok(content <= screen, `${content} px of content on ${screen} px`);
}
