// Draws what the service said. Every text of it is set as text, never as markup. Knows no service.

import { chart, fill } from "./chart.js";
import { Clock, clipped, instant, number, plural, reason, share, state } from "./words.js";

/** How many rows are drawn unless more are asked for. */
const ROWS = 100;
const REASONS = 3;
const LETTERS = 120;

const byId = (id) => document.getElementById(id);

/** Sets a text if it is another, so that a selection and a screen reader are left alone. */
export function put(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

function show(node, shown) {
  if (node.hidden === shown) node.hidden = !shown;
}

function element(name, attributes = {}, text = "") {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.textContent = text;
  return node;
}

/** Makes a list as long as `items` and fills each child, keeping those that are there. */
function each(list, items, make, write) {
  let child = list.firstElementChild;
  for (const item of items) {
    if (child === null) {
      child = make();
      list.append(child);
    }
    write(child, item);
    child = child.nextElementSibling;
  }
  while (child !== null) {
    const after = child.nextElementSibling;
    child.remove();
    child = after;
  }
}

/** Draws again if what is drawn from is another. */
function redraw(node, signature, draw) {
  if (node.dataset.drawn === signature) return;
  node.dataset.drawn = signature;
  node.replaceChildren(draw());
}

/** The campaigns, and which of them is chosen. */
export function campaigns(list, chosen) {
  show(byId("no-campaigns"), list.length === 0);
  const make = () => {
    const item = element("li");
    const link = element("a");
    link.append(element("span", { class: "name" }), element("span", { class: "state" }));
    item.append(link);
    return item;
  };
  each(byId("campaigns"), list, make, (item, campaign) => {
    const link = item.firstElementChild;
    link.setAttribute("href", `#campaign-${campaign.id}`);
    if (campaign.id === chosen) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
    put(link.firstElementChild, clipped(campaign.name || `Campaign ${campaign.id}`, LETTERS));
    mark(link.lastElementChild, campaign.status);
  });
}

function mark(node, status) {
  put(node, state(status));
  node.className = `state ${state(status).replace(" ", "-")}`;
}

/** Takes all off the page that an owner was shown. */
export function clear() {
  campaigns([], null);
  campaign(null, {});
  document.title = "mailrota";
  delete byId("chart").dataset.drawn;
  for (const id of ["chart", "hours", "next", "accounts", "name", "status", "verdict", "where",
    "sent", "out", "possible", "left", "day-note", "next-note", "accounts-note"]) {
    byId(id).replaceChildren();
  }
}

/** A chosen campaign; nothing if none is. */
export function campaign(data, options) {
  show(byId("campaign"), data !== null);
  if (data === null) return;
  const clock = new Clock(data.timezone, instant(data.at));
  put(byId("name"), clipped(data.name || `Campaign ${data.campaign_id}`, LETTERS));
  document.title = `${clipped(data.name, 40)} · mailrota`;
  mark(byId("status"), data.status);
  put(byId("where"), `${clock.longDate.format(clock.now)}, times in ${clock.zone}`);
  put(byId("verdict"), verdict(data, clock));
  byId("verdict").className = data.next.length ? "verdict" : "verdict stop";
  figures(data);
  day(data, clock);
  next(data, clock);
  accounts(data, clock, options);
}

/** When the campaign may send next, in one sentence. */
function verdict(data, clock) {
  const held = data.reasons.map((why) => reason(why, clock)).join("; ");
  const [first] = data.next;
  if (first === undefined) {
    if (held) return `Nobody may send: ${held}.`;
    return "Nobody may send until somebody acts on the accounts below.";
  }
  const from = clipped(first.from_email, LETTERS);
  const at = instant(first.at);
  if (at <= clock.now) return `May send now, from ${from}.`;
  const when = `May send next at ${clock.when(at)} (${clock.ahead(at)}), from ${from}`;
  return held ? `${when}. Until then: ${held}.` : `${when}.`;
}

function planned(data) {
  const sum = data.day.hours.reduce((all, hour) => all + hour.planned, 0);
  return data.day.planned_until < data.day.ends_at ? `${number(sum)} or more` : number(sum);
}

function figures(data) {
  const can = data.accounts.filter((account) => !away(account));
  const left = can.reduce((all, account) => all + account.headroom, 0);
  const more = data.accounts_total > data.accounts.length;
  put(byId("sent"), number(data.day.sent));
  put(byId("out"), number(data.day.reserved));
  put(byId("possible"), planned(data));
  put(byId("left"), more ? `${number(left)} or more` : number(left));
}

function day(data, clock) {
  const hours = data.day.hours.map((hour) => ({
    label: clock.time(instant(hour.starts_at)), sent: hour.sent, planned: hour.planned,
  }));
  const passed = (clock.now - instant(data.day.starts_at)) / 3_600_000;
  const words = `Emails by hour: ${number(data.day.sent)} sent so far, ` +
    `${planned(data)} still possible today. The table below has every hour.`;
  const box = byId("chart");
  // A box that is not laid out yet has no width.
  const width = Math.max(280, Math.min(1_000, box.clientWidth || 640));
  // The line of the present moves by pixels, not by every answer.
  const now = Math.round(passed * 20) / 20;
  redraw(box, JSON.stringify([hours, now, width]), () => chart(hours, now, width, words));
  const until = instant(data.day.planned_until);
  put(byId("day-note"), data.day.planned_until < data.day.ends_at
    ? `Possible is counted up to ${clock.time(until)}; more may follow.`
    : "Possible: new leads, each the moment it may go, if leads do not run out.");
  const used = hours.filter((hour) => hour.sent || hour.planned);
  const make = () => {
    const row = element("tr");
    row.append(element("th", { scope: "row" }), element("td", { class: "n" }),
      element("td", { class: "n" }));
    return row;
  };
  each(byId("hours"), used, make, (row, hour) => {
    put(row.children[0], hour.label);
    put(row.children[1], number(hour.sent));
    put(row.children[2], number(hour.planned));
  });
}

function next(data, clock) {
  put(byId("next-note"), data.next.length
    ? "If nothing else happens and there are leads."
    : "None until somebody acts.");
  const make = () => {
    const item = element("li");
    item.append(element("time"), element("span", { class: "address" }));
    return item;
  };
  each(byId("next"), data.next, make, (item, email) => {
    const at = instant(email.at);
    item.firstElementChild.setAttribute("datetime", email.at);
    put(item.firstElementChild, at <= clock.now ? "now" : clock.when(at));
    const address = clipped(email.from_email, LETTERS);
    put(item.lastElementChild, address);
    item.lastElementChild.title = address;
  });
}

const away = (account) => account.ready_at === null;
const distance = (account) => Math.abs((account.share_got ?? 0) - (account.share_asked ?? 0));
const order = {
  need: (a, b) => away(b) - away(a) || b.reasons.length - a.reasons.length,
  address: (a, b) => (a.from_email < b.from_email ? -1 : Number(a.from_email > b.from_email)),
  used: (a, b) => b.sent + b.reserved - a.sent - a.reserved,
  left: (a, b) => b.headroom - a.headroom,
  share: (a, b) => distance(b) - distance(a),
  ready: (a, b) => away(a) - away(b) || String(a.ready_at).localeCompare(String(b.ready_at)),
};

function accounts(data, clock, { all, sort }) {
  const by = order[sort] ?? order.need;
  const sorted = [...data.accounts].sort((a, b) => by(a, b)
    || a.email_account_id - b.email_account_id);
  const drawn = all ? sorted : sorted.slice(0, ROWS);
  each(byId("accounts"), drawn, accountRow, (row, account) => writeAccount(row, account, clock));
  const ready = data.accounts.filter((account) => account.ready).length;
  const stuck = data.accounts.filter(away).length;
  const notes = [plural(data.accounts_total, "account", "accounts")];
  if (data.accounts_total > data.accounts.length) {
    notes.push(`the first ${number(data.accounts.length)} by number are shown`);
  }
  if (data.accounts.length) {
    notes.push(`${number(ready)} ready`);
    notes.push(`${number(data.accounts.length - ready - stuck)} waiting`);
    notes.push(plural(stuck, "needs somebody", "need somebody"));
  }
  if (data.day.counted_from > data.day.starts_at) {
    notes.push(`“here” and “got” count from ${clock.when(instant(data.day.counted_from))}`);
  }
  put(byId("accounts-note"), `${notes.join(" · ")}`);
  const rest = sorted.length - drawn.length;
  const more = byId("more");
  show(more, rest > 0 || (all && sorted.length > ROWS));
  put(more, rest > 0 ? `Show all ${number(sorted.length)}` : `Show the first ${ROWS}`);
}

const LABELS = ["Account", "Today", "Used", "Left", "Here", "Asked", "Got", "Standing"];

function accountRow() {
  const row = element("tr");
  LABELS.forEach((label, index) => {
    const cell = element(index ? "td" : "th", index ? { "data-label": label } : { scope: "row" });
    if (index > 1 && index < 7) cell.className = "n";
    row.append(cell);
  });
  row.children[0].append(element("span", { class: "address" }));
  row.children[1].className = "day";
  row.children[7].className = "standing";
  row.children[7].append(element("b"), element("span"));
  return row;
}

function writeAccount(row, account, clock) {
  const [name, today, used, left, here, asked, got, standing] = row.children;
  const address = clipped(account.from_email, LETTERS);
  put(name.firstElementChild, address);
  name.firstElementChild.title = address;
  const { sent, reserved, allowance } = account;
  redraw(today, `${sent} ${reserved} ${allowance}`, () => fill(sent, reserved, allowance));
  put(used, reserved ? `${number(sent)} + ${number(reserved)} out` : number(sent));
  put(left, `${number(account.headroom)} of ${number(allowance)}`);
  put(here, number(account.campaign_sent));
  put(asked, share(account.share_asked));
  put(got, share(account.share_got));
  const [word, why] = standing.children;
  word.className = account.ready ? "ready" : away(account) ? "stuck" : "waits";
  put(word, standingOf(account, clock));
  const told = account.ready_at;
  const said = account.reasons.slice(0, REASONS).map((one) => reason(one, clock, told));
  if (account.reasons.length > REASONS) {
    said.push(plural(account.reasons.length - REASONS, "more reason", "more reasons"));
  }
  put(why, said.join("; "));
}

function standingOf(account, clock) {
  if (account.ready) return "ready";
  if (away(account)) return "needs somebody";
  const at = instant(account.ready_at);
  return `waits until ${clock.when(at)}`;
}

/** The instant of an answer as people read it, in its campaign's zone or the browser's. */
export function answeredAt(data) {
  if (data === null) return new Date().toLocaleTimeString("en-GB");
  return new Clock(data.timezone, instant(data.at)).seconds.format(instant(data.at));
}
