// Put into a page before it is opened: tries what a reader would do and writes what went wrong.
// Browsers do not open windows as narrow as a telephone, so the page is laid out in a strip.
"use strict";
const wrong = [];
document.documentElement.style.width = STRIP + "px";
addEventListener("error", (event) => wrong.push("error: " + event.message));
addEventListener("securitypolicyviolation", (event) => wrong.push("blocked: " + event.blockedURI));
addEventListener("load", () => setTimeout(() => {
  const figures = [...document.querySelectorAll("figure.chart")];
  if (!figures.length) wrong.push("no charts");
  for (const figure of figures) {
    const svg = figure.querySelector("svg"), box = svg.getBoundingClientRect();
    if (box.width < 200 || box.height < 100) wrong.push(figure.id + " is too small to see");
    if (!svg.querySelector(".series > :not(title)")) wrong.push(figure.id + " is empty");
    // No two words of a chart may overlap, and none may leave it.
    const words = [...svg.querySelectorAll("text")].map((text) => [text, text.getBoundingClientRect()]);
    words.forEach(([one, a], at) => {
      if (a.left < box.left - 1 || a.right > box.right + 1) wrong.push(`${figure.id}: ${one.textContent} leaves the chart`);
      for (const [other, b] of words.slice(at + 1)) {
        const across = Math.min(a.right, b.right) - Math.max(a.left, b.left);
        const down = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
        if (across > 1 && down > 3) wrong.push(`${figure.id}: ${one.textContent} covers ${other.textContent}`);
      }
    });
    const [left, top, right, bottom] = JSON.parse(figure.querySelector("script").textContent).plot;
    const zoom = box.width / svg.viewBox.baseVal.width;
    let told = "";
    for (let step = 1; step < 20 && !told; step += 1) {
      const clientX = box.left + zoom * (left + (right - left) * step / 20);
      const clientY = box.top + zoom * (top + bottom) / 2;
      svg.dispatchEvent(new PointerEvent("pointermove", { clientX, clientY }));
      told = figure.querySelector(".tip").textContent;
    }
    if (!/\d/.test(told)) wrong.push(figure.id + " tells nothing under the pointer");
    for (const key of svg.querySelectorAll(".key[data-series]")) {
      const series = svg.querySelector(`.series[data-series="${key.dataset.series}"]`);
      key.dispatchEvent(new Event("click"));
      if (getComputedStyle(series).display !== "none") wrong.push(figure.id + ": a series stays");
      key.dispatchEvent(new Event("click"));
      if (getComputedStyle(series).display === "none") wrong.push(figure.id + ": a series stays away");
    }
  }
  for (const element of document.querySelectorAll("main *:not(.scroll *):not(svg *)")) {
    const { right } = element.getBoundingClientRect();
    if (right > STRIP + 1) wrong.push(`${element.tagName} ${element.className} sticks out to ${right}`);
  }
  const asked = performance.getEntriesByType("resource").filter((entry) => !entry.name.startsWith("data:"));
  for (const entry of asked) wrong.push("asked for " + entry.name);
  document.title = wrong.length ? "WRONG " + wrong.join("; ") : `RIGHT ${figures.length} charts at ${document.body.clientWidth}`;
}, 200));
