// Instants, numbers and reasons as people read them. Knows no page.

const DAY_MS = 86_400_000;

/** Formats instants in a time zone, as seen from another instant. */
export class Clock {
  constructor(zone, now) {
    this.now = now;
    // A zone that this browser does not know is shown in UTC.
    let timeZone = zone;
    try {
      new Intl.DateTimeFormat("en", { timeZone });
    } catch {
      timeZone = "UTC";
    }
    this.zone = timeZone;
    const format = (options) => new Intl.DateTimeFormat("en-GB", { timeZone, ...options });
    this.hours = format({ hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
    this.seconds = format({
      hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23",
    });
    this.date = format({ weekday: "short", day: "numeric", month: "short" });
    this.longDate = format({ weekday: "long", day: "numeric", month: "long" });
    this.today = this.date.format(now);
    this.tomorrow = this.date.format(now.getTime() + DAY_MS);
    this.told = new Map();
  }

  /** 14:05 */
  time(at) {
    return this.hours.format(at);
  }

  /** 14:05, tomorrow 09:00, Mon 30 Nov 09:00 */
  when(at) {
    // Many accounts wait for the same instant.
    const key = at.getTime();
    if (!this.told.has(key)) this.told.set(key, this.#when(at));
    return this.told.get(key);
  }

  #when(at) {
    const day = this.date.format(at);
    if (day === this.today) return this.time(at);
    if (day === this.tomorrow) return `tomorrow ${this.time(at)}`;
    return `${day.replace(",", "")} ${this.time(at)}`;
  }

  /** in 4 min */
  ahead(at) {
    const seconds = Math.ceil((at - this.now) / 1000);
    if (seconds <= 0) return "now";
    if (seconds < 60) return `in ${seconds} s`;
    const minutes = Math.ceil(seconds / 60);
    if (minutes < 60) return `in ${minutes} min`;
    const hours = Math.floor(minutes / 60);
    if (hours < 24) return minutes % 60 ? `in ${hours} h ${minutes % 60} min` : `in ${hours} h`;
    return `in ${Math.round(hours / 24)} d`;
  }
}

export const instant = (text) => new Date(text);

const grouped = new Intl.NumberFormat("en-US");

export const number = (n) => grouped.format(n);

/** A share in millionths as a percentage. */
export const share = (millionths) =>
  millionths === null ? "–" : `${(millionths / 10_000).toFixed(1)} %`;

export const plural = (n, one, many) => `${number(n)} ${n === 1 ? one : many}`;

const STATES = { ACTIVE: "active", DRAFTED: "not started", PAUSED: "paused", STOPPED: "stopped" };

/** A campaign's state. */
export const state = (status) => STATES[status] ?? String(status).toLowerCase();

/** One reason with its count, and its end unless that is told already. */
export function reason(reason, clock, told = null) {
  const count = reason.max === null ? "" : ` (${number(reason.used)} of ${number(reason.max)})`;
  const end = reason.until === null || reason.until === told
    ? ""
    : `, until ${clock.when(instant(reason.until))}`;
  return `${reason.message}${count}${end}`;
}

/** A text without an end that would break the page. */
export function clipped(text, most) {
  const letters = Array.from(String(text));
  return letters.length > most ? `${letters.slice(0, most - 1).join("")}…` : letters.join("");
}
