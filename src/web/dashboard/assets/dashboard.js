// What makes the pages of the dashboard pleasant. All of them work without it.

const language = document.documentElement.lang;

// Moments in the time zone of whoever looks.
const near = new Intl.DateTimeFormat(language, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
const far = new Intl.DateTimeFormat(language, { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const whole = new Intl.DateTimeFormat(language, { dateStyle: "full", timeStyle: "long" });
const farther = new Intl.DateTimeFormat(language, { dateStyle: "medium" });

// Moments within sentences, as the daemon writes them.
const moment = /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z/;

function markTimes(element) {
  const walker = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
  const texts = [];
  while (walker.nextNode()) texts.push(walker.currentNode);
  for (let text of texts) {
    if (text.parentElement.closest("pre, time")) continue;
    for (let found = moment.exec(text.data); found; found = moment.exec(text.data)) {
      const rest = text.splitText(found.index);
      text = rest.splitText(found[0].length);
      const time = document.createElement("time");
      time.dateTime = found[0];
      rest.replaceWith(time);
    }
  }
}

function tellTimes(root) {
  root.querySelectorAll(".sentences, .steps, .timeline, .card, .plain").forEach(markTimes);
  const now = new Date();
  for (const time of root.querySelectorAll("time[datetime]")) {
    const at = new Date(time.dateTime);
    if (Number.isNaN(at.getTime())) continue;
    const isToday = at.toDateString() === now.toDateString();
    const isThisYear = at.getFullYear() === now.getFullYear();
    time.textContent = (isToday ? near : isThisYear ? far : farther).format(at);
    time.title = whole.format(at);
  }
}
tellTimes(document);

// A form is sent once, however often it is clicked.
document.addEventListener("submit", (event) => {
  if (event.target.method !== "post") return;
  const buttons = event.target.querySelectorAll("button");
  setTimeout(() => buttons.forEach((button) => { button.disabled = true; }));
});
window.addEventListener("pageshow", () => {
  document.querySelectorAll("button:disabled").forEach((button) => { button.disabled = false; });
});

// A file fills the text that is sent in its stead.
for (const file of document.querySelectorAll("input[type=file][data-into]")) {
  file.addEventListener("change", async () => {
    const [chosen] = file.files;
    if (chosen) document.getElementById(file.dataset.into).value = await chosen.text();
  });
}

// How many rows of a list are chosen. Without a script their buttons do the same.
function countChosen() {
  const says = document.getElementById("chosen");
  if (!says) return;
  const count = document.querySelectorAll("td.pick input:checked").length;
  says.textContent = count > 0 ? `${count} ${says.dataset.text}` : "";
}
document.addEventListener("change", countChosen);
window.addEventListener("pageshow", countChosen);

// A scanner ends what it reads with Enter: that goes on to the number first.
document.addEventListener("keydown", (event) => {
  const next = event.key === "Enter" && event.target.dataset?.next && document.getElementById(event.target.dataset.next);
  if (next && next.value === "" && event.target.value !== "") { event.preventDefault(); next.focus(); }
});

// Keys: `/` goes to the search, `j` and `k` through a list, `x` chooses a row of it.
document.addEventListener("keydown", (event) => {
  const isWriting = event.target.closest("input:not([type=checkbox]), select, textarea");
  if (isWriting || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "/") {
    const find = document.getElementById("find");
    if (find) { event.preventDefault(); find.focus(); }
  }
  if (event.key === "x") {
    const box = document.activeElement?.closest?.("tr")?.querySelector("td.pick input");
    if (box) { box.checked = !box.checked; countChosen(); }
  }
  if (event.key === "j" || event.key === "k") {
    const links = [...document.querySelectorAll("table.grid tbody th a")];
    if (links.length === 0) return;
    const at = links.indexOf(document.activeElement);
    const to = event.key === "j" ? Math.min(at + 1, links.length - 1) : Math.max(at - 1, 0);
    links[to].focus();
  }
});

// What changed is read again, part by part. A part in which somebody is working stays as it is.
const lost = document.getElementById("lost");
const parts = () => [...document.querySelectorAll("[data-live][id]")];
const isBusy = (part) => part.contains(document.activeElement) && document.activeElement !== document.body
  || part.querySelector("details.act[open]") !== null;
const shown = new Map(parts().map((part) => [part.id, strip(part)]));

// Tokens differ on each page, and times are told in another way: neither is a change.
function strip(part) {
  const copy = part.cloneNode(true);
  copy.querySelectorAll("input[name=once]").forEach((input) => input.remove());
  copy.querySelectorAll("time").forEach((time) => { time.textContent = ""; time.removeAttribute("title"); });
  copy.querySelectorAll("details").forEach((details) => details.removeAttribute("open"));
  copy.classList.remove("changed");
  return copy.innerHTML;
}

let isReading = false;
let isAgain = false;
async function readAgain() {
  if (isReading) { isAgain = true; return; }
  isReading = true;
  try {
    const answer = await fetch(location.href, { headers: { accept: "text/html" } });
    if (answer.redirected && new URL(answer.url).pathname === "/sign-in") { location.reload(); return; }
    if (!answer.ok) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const part of parts()) {
      const fresh = page.getElementById(part.id);
      if (!fresh || isBusy(part)) continue;
      tellTimes(fresh);
      const text = strip(fresh);
      if (shown.get(part.id) === text) continue;
      shown.set(part.id, text);
      const open = new Set([...part.querySelectorAll("details[open] > summary")].map((one) => one.textContent));
      fresh.querySelectorAll("details > summary").forEach((one) => { if (open.has(one.textContent)) one.parentElement.open = true; });
      part.querySelectorAll("td.pick input:checked").forEach((one) => {
        const again = fresh.querySelector(`#${one.id}`);
        if (again) again.checked = true;
      });
      fresh.classList.add("changed");
      part.replaceWith(fresh);
      countChosen();
    }
  } catch {
    // The stream says when the daemon is there again.
  } finally {
    isReading = false;
    if (isAgain) { isAgain = false; setTimeout(readAgain, 1000); }
  }
}

// One stream says that something changed. A page that nobody sees has none: browsers allow only a few to one
// place. When it is seen again, or the stream was cut, it catches up.
if (parts().length > 0 && document.querySelector(".bar")) {
  let stream = null;
  let isBehind = false;
  let told = null;
  const soon = () => { clearTimeout(told); told = setTimeout(readAgain, 150); };
  const close = () => { stream?.close(); stream = null; isBehind = true; };
  const open = () => {
    if (stream || document.hidden) return;
    stream = new EventSource("/events");
    stream.addEventListener("open", () => {
      if (isBehind) soon();
      isBehind = false;
      lost.hidden = true;
    });
    stream.addEventListener("error", () => {
      isBehind = true;
      lost.hidden = false;
      // Refused for good: the session may be over, which the page itself says.
      if (stream?.readyState === EventSource.CLOSED) { stream = null; setTimeout(open, 3000); }
    });
    stream.addEventListener("changed", soon);
  };
  document.addEventListener("visibilitychange", () => (document.hidden ? close() : open()));
  window.addEventListener("pagehide", close);
  window.addEventListener("pageshow", open);
  open();
}
