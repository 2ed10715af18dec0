"use strict";
document.documentElement.classList.add("js");
// The page is written in one language and carries the other's texts; they are put in before another script looks.
const say = (() => {
  const data = id => JSON.parse(document.getElementById(id)?.textContent ?? "{}");
  const KEY = "charrec-language", button = document.querySelector("[data-language]");
  const kept = () => { try { return history.state?.[KEY] ?? localStorage.getItem(KEY); } catch { return null; } };
  if (button && kept() === button.dataset.language) {
    const changes = data("other-language");
    for (const [k, element] of [...document.querySelectorAll("[data-l]")].entries()) {
      const [texts, attributes] = changes[k], children = [...element.children];
      for (const [place, text] of Object.entries(texts)) {
        const next = children[place] ?? null, old = next ? next.previousSibling : element.lastChild;
        if (old?.nodeType === Node.TEXT_NODE) old.data = text;
        else element.insertBefore(document.createTextNode(text), next);
      }
      for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    }
  }
  button?.addEventListener("click", () => {
    const wanted = button.dataset.language;
    history.replaceState({ [KEY]: wanted }, "");
    try { localStorage.setItem(KEY, wanted); } catch { /* the history has it as long as the page is open */ }
    location.reload();
  });
  const phrases = data("phrases");
  return (text, values = {}) => (phrases[text] ?? text).replace(/\{(\w+)\}/g, (_, name) => values[name]);
})();
const decimal = (number, decimals) => number.toLocaleString(document.documentElement.lang, { minimumFractionDigits: decimals, maximumFractionDigits: decimals });
const percent = (number, decimals) => say("{n} %", { n: decimal(number, decimals) });
