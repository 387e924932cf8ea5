// Asks the service every few seconds and has the answers drawn. The key is kept in this tab alone
// and goes with every call as a header, never in an address.

import * as view from "./view.js";

const KEY = "mailrota-key";
const PACE_MS = 3_000;
/** The list of campaigns changes seldom; a call that is spared cannot meet the key's limit. */
const LIST_MS = 15_000;
/** With more accounts than that, answers are long and asked for less often. */
const MANY = 200;
const PACE_MANY_MS = 10_000;
const PATIENCE_MS = 20_000;
const BACKOFF_MAX_MS = 15_000;
const RETRY_MAX_S = 120;

const byId = (id) => document.getElementById(id);

const now = {
  key: sessionStorage.getItem(KEY),
  campaigns: null,
  listUntil: 0,
  chosen: null,
  data: null,
  all: false,
  sort: "need",
  failures: 0,
  round: 0,
  timer: 0,
};

/** An answer that is no success; status 0 if there was none. */
class Refused extends Error {
  constructor(status, retryAfter) {
    super(`status ${status}`);
    this.status = status;
    this.retryAfter = retryAfter;
  }
}

async function ask(path) {
  let answer;
  try {
    answer = await fetch(`api/v1/${path}`, {
      headers: { Authorization: `Bearer ${now.key}` },
      cache: "no-store",
      credentials: "omit",
      signal: AbortSignal.timeout(PATIENCE_MS),
    });
    if (answer.ok) return await answer.json();
  } catch {
    throw new Refused(0, null);
  }
  const seconds = Number.parseInt(answer.headers.get("retry-after") ?? "", 10);
  throw new Refused(answer.status, Number.isFinite(seconds) ? seconds : null);
}

function chosenByAddress() {
  const found = /^#campaign-(\d{1,20})$/.exec(location.hash);
  return found ? Number(found[1]) : null;
}

/** Asks once, draws, and asks again later. A later round makes an earlier one void. */
async function refresh() {
  clearTimeout(now.timer);
  now.round += 1;
  const { round } = now;
  if (now.key === null) return;
  if (document.hidden) {
    pulse("paused");
    return;
  }
  let pause;
  try {
    const wanted = chosenByAddress() ?? now.chosen;
    const has = () => now.campaigns.some((campaign) => campaign.id === wanted);
    if (now.campaigns === null || performance.now() > now.listUntil || !has()) {
      const campaigns = await ask("campaigns");
      if (round !== now.round) return;
      Object.assign(now, { campaigns, listUntil: performance.now() + LIST_MS });
    }
    const { campaigns } = now;
    const there = has();
    const chosen = there ? wanted : (preferred(campaigns)?.id ?? null);
    const data = chosen === null
      ? null
      : await ask(`rotation/campaigns/${chosen}/watch?limit=1000`);
    if (round !== now.round) return;
    if (chosen !== now.chosen) now.all = false;
    Object.assign(now, { chosen, data });
    // What was just told of one is newer than the list.
    const listed = campaigns.find((campaign) => campaign.id === chosen);
    if (listed) Object.assign(listed, { status: data.status, name: data.name });
    enter();
    view.campaigns(campaigns, chosen);
    draw();
    notice(now.failures ? "Connected again." : "");
    pulse("live");
    now.failures = 0;
    pause = data !== null && data.accounts_total > MANY ? PACE_MANY_MS : PACE_MS;
  } catch (refused) {
    if (round !== now.round) return;
    if (!(refused instanceof Refused)) throw refused;
    pause = refuse(refused);
    if (pause === null) return;
  }
  now.timer = setTimeout(refresh, pause);
}

const preferred = (campaigns) =>
  campaigns.find((campaign) => campaign.status === "ACTIVE") ?? campaigns[0];

function draw() {
  view.campaign(now.data, { all: now.all, sort: now.sort });
}

/** Says what went wrong. Returns after how long to ask again; nothing if the key is refused. */
function refuse({ status, retryAfter }) {
  if (status === 401) {
    forget("This key opens nothing here. It may be mistyped, or revoked.");
    return null;
  }
  now.failures += 1;
  const backoff = Math.min(BACKOFF_MAX_MS, 1_000 * 2 ** (now.failures - 1));
  const given = retryAfter === null
    ? backoff
    : 1_000 * Math.min(RETRY_MAX_S, Math.max(1, retryAfter));
  // A campaign that is gone is no failure: the next round chooses another.
  if (status === 404) {
    now.campaigns = null;
    return PACE_MS;
  }
  const again = " What is shown is from before; asking again by itself.";
  if (status === 429) notice(`Too many calls with this key.${again}`);
  else if (status === 503) notice(`The service is starting or stopping.${again}`);
  else if (status === 0) notice(`The service does not answer.${again}`);
  else notice(`The service answered with an error (${status}).${again}`);
  pulse("lost");
  return given;
}

function notice(text) {
  view.put(byId("notice"), text);
}

function pulse(how) {
  byId("pulse").hidden = now.key === null;
  byId("dot").className = `dot ${how}`;
  const updated = byId("updated");
  if (how === "live") updated.dataset.at = view.answeredAt(now.data);
  const at = updated.dataset.at;
  const words = { live: `updated ${at}`, lost: at ? `as of ${at}` : "not connected" };
  view.put(updated, words[how] ?? "paused");
}

/** The first answer came: the key is good. */
function enter() {
  if (!byId("watch").hidden) return;
  sessionStorage.setItem(KEY, now.key);
  const door = byId("door").hidden;
  byId("door").hidden = true;
  byId("watch").hidden = false;
  byId("forget").hidden = false;
  byId("key").value = "";
  if (!door) byId("main").focus();
}

/** Forgets the key and all that it showed. */
function forget(words) {
  sessionStorage.removeItem(KEY);
  clearTimeout(now.timer);
  const nothing = { key: null, campaigns: null, chosen: null, data: null };
  Object.assign(now, nothing, { all: false, failures: 0 });
  now.round += 1;
  view.clear();
  byId("updated").dataset.at = "";
  byId("watch").hidden = true;
  byId("forget").hidden = true;
  byId("pulse").hidden = true;
  byId("door").hidden = false;
  notice("");
  view.put(byId("wrong"), words);
  byId("key").focus();
}

byId("door").addEventListener("submit", (event) => {
  event.preventDefault();
  const key = byId("key").value.trim();
  view.put(byId("wrong"), "");
  // What cannot be written into a header is no key.
  if (!/^[\x21-\x7e]{1,200}$/.test(key)) {
    forget("An API key has letters, digits and underscores only.");
    return;
  }
  now.key = key;
  refresh();
});
byId("forget").addEventListener("click", () => forget(""));
byId("sort").addEventListener("change", (event) => {
  now.sort = event.target.value;
  draw();
});
byId("more").addEventListener("click", () => {
  now.all = !now.all;
  draw();
});
window.addEventListener("hashchange", () => {
  if (chosenByAddress() !== null) refresh();
});
document.addEventListener("visibilitychange", refresh);
new ResizeObserver(() => {
  if (now.data !== null) draw();
}).observe(byId("chart"));

if (now.key === null) forget("");
else refresh();
