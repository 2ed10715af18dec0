// Of a page that is served while its study runs: it asks for the version of what is served now, and loads itself anew
// where that is another than its own.
{
  const { version, milliseconds } = document.currentScript.dataset, note = document.createElement("p");
  note.setAttribute("role", "status");
  note.style.cssText = "position:fixed;right:.6rem;bottom:.4rem;margin:0;padding:.1rem .5rem;font-size:.8rem;background:var(--panel);color:var(--muted);border-radius:.3rem";
  note.textContent = say("live");
  note.className = "noprint";
  document.body.append(note);
  setInterval(async () => {
    try {
      const answer = await fetch("/version");
      if (answer.ok && await answer.text() !== version) location.reload();
      note.textContent = say("live");
    } catch {
      note.textContent = say("no longer live: charrec report --watch has ended");
    }
  }, Number(milliseconds));
}
