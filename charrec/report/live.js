// Of a page that is served while its study runs: it asks for the version of what is served now, and loads itself anew
// where that is another than its own. Once somebody has pointed at something or pressed a key it asks first, since what
// was chosen, opened and drawn would be gone.
{
  const { version, milliseconds } = document.currentScript.dataset, note = document.createElement("p");
  note.setAttribute("role", "status");
  note.style.cssText = "position:fixed;right:.6rem;bottom:.4rem;margin:0;padding:.1rem .5rem;font-size:.8rem;background:var(--panel);color:var(--muted);border-radius:.3rem";
  note.textContent = say("live");
  note.className = "noprint";
  document.body.append(note);
  let used = false;
  for (const kind of ["pointerdown", "keydown"]) addEventListener(kind, () => { used = true; }, { capture: true });
  const newer = document.createElement("button");
  newer.type = "button";
  newer.textContent = say("show what is new");
  newer.addEventListener("click", () => location.reload());
  setInterval(async () => {
    try {
      const answer = await fetch("/version");
      const anew = answer.ok && await answer.text() !== version;
      if (anew && !used) location.reload();
      if (!anew) note.textContent = say("live");
      else if (!newer.isConnected) note.replaceChildren(newer);
    } catch {
      note.textContent = say("no longer live: charrec report --watch has ended");
    }
  }, Number(milliseconds));
}
