// Says when mails have arrived since the page was made; the reader decides when to reload.
"use strict";
const news = document.getElementById("news");
const known = Number(news.dataset.arrivals);

async function look() {
  if (!document.hidden) {
    try {
      const answer = await fetch("/api/count");
      const fresh = (await answer.json()).arrivals - known;
      news.hidden = fresh <= 0;
      news.textContent = `${fresh.toLocaleString("en")} new mail${fresh === 1 ? "" : "s"} · show`;
    } catch {
      news.hidden = false;
      news.textContent = "The catcher does not answer · try again";
    }
  }
  setTimeout(look, 2000);
}
look();
