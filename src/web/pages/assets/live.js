// Keeps the page fresh: asks for it again and exchanges its content. Without this script a reload does the same.
"use strict";

const button = document.getElementById("live");
const main = () => document.getElementById("main");
let live = true;
let failed = 0;
let timer = 0;

// What the reader does with the page comes first: a selected text, an open list, a field that is being filled in.
function busy() {
  const at = document.activeElement;
  const typing = at && main().contains(at) && /^(INPUT|SELECT|TEXTAREA)$/.test(at.tagName);
  return typing || document.hidden || String(document.getSelection()) !== "";
}

// The same element after the exchange: links are told apart by their place among those with the same address.
function place(element) {
  if (!element || !main().contains(element) || !element.matches("a[href], [tabindex]")) return null;
  const same = element.href ? (one) => one.href === element.href : (one) => one.className === element.className;
  const all = () => [...main().querySelectorAll("a[href], [tabindex]")].filter(same);
  const nth = all().indexOf(element);
  return () => all()[nth];
}

async function refresh() {
  const answer = await fetch(location.href, { headers: { accept: "text/html" } });
  if (!answer.ok) throw new Error(String(answer.status));
  const next = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("main");
  if (!next || busy()) return;
  const focus = place(document.activeElement);
  main().replaceWith(document.adoptNode(next));
  if (focus && focus()) focus().focus({ preventScroll: true });
}

function show() {
  button.setAttribute("aria-pressed", String(live));
  button.classList.toggle("lost", live && failed > 0);
  button.textContent = !live ? "paused" : failed > 0 ? "no answer" : "live";
}

async function turn() {
  if (live && !busy()) {
    try {
      await refresh();
      failed = 0;
    } catch {
      failed += 1;
    }
  }
  show();
  const seconds = Number(main().dataset.live) * Math.min(1 + failed, 10);
  timer = setTimeout(turn, seconds * 1000);
}

button.addEventListener("click", () => {
  live = !live;
  show();
  if (live) {
    clearTimeout(timer);
    turn();
  }
});
button.hidden = false;
show();
timer = setTimeout(turn, Number(main().dataset.live) * 1000);
