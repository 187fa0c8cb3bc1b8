// Accessibility: WCAG 2.2 AA as far as a machine can judge it.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const source = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];

/** Fails with what axe found on the page as it is now. */
export async function assertAccessible(page, state) {
  // Evaluated by the debugger, which the page's Content-Security-Policy does not bind.
  await page.evaluate(source);
  const results = await page.evaluate((tags) => window.axe.run({ runOnly: tags }), TAGS);
  const found = results.violations.map(
    (violation) => `${violation.id}: ${violation.help} (${violation.nodes.map((node) => node.target).join(", ")})`,
  );
  assert.deepEqual(found, [], `${state}: ${page.url()}`);
}

/** Fails when the page is wider than the window or a control is cut off at its edge. */
export async function assertFits(page, state) {
  const found = await page.evaluate(() => {
    const width = document.documentElement.clientWidth;
    const overflowing = document.documentElement.scrollWidth > width ? [`the page is ${document.documentElement.scrollWidth} px wide`] : [];
    const cut = [...document.querySelectorAll("a, button, input, h1, h2, td, th")]
      .filter((element) => element.checkVisibility())
      .filter((element) => {
        // What is kept for screen readers only is clipped away and has no place of its own.
        for (let at = element; at; at = at.parentElement) if (getComputedStyle(at).clipPath !== "none") return false;
        return true;
      })
      .filter((element) => {
        const box = element.getBoundingClientRect();
        return box.width > 1 && (box.right > width + 1 || box.left < -1);
      })
      .map((element) => `${element.tagName} ${element.textContent.trim().slice(0, 40)}`);
    return [...overflowing, ...cut];
  });
  assert.deepEqual(found, [], `${state}: ${page.url()}`);
}
