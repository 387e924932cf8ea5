// The day as a picture: a column for each hour, what went and what still may. Knows no service.

const NS = "http://www.w3.org/2000/svg";
const HEIGHT = 236;
const TOP = 18;
const BOTTOM = 24;
const LEFT = 38;

function shape(name, attributes, text) {
  const node = document.createElementNS(NS, name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  if (text !== undefined) node.textContent = text;
  return node;
}

/** The least round step that reaches `most` in at most four steps. */
function step(most) {
  let size = 1;
  for (;;) {
    for (const factor of [1, 2, 5]) {
      if (size * factor * 4 >= most) return size * factor;
    }
    size *= 10;
  }
}

/**
 * Draws hours of `{label, sent, planned}`. `now` is how far the day is, in hours. The picture is
 * `width` wide and as high as it is; `words` says what it shows.
 */
export function chart(hours, now, width, words) {
  const svg = shape("svg", {
    class: "chart", role: "img", viewBox: `0 0 ${width} ${HEIGHT}`, width, height: HEIGHT,
    "aria-label": words,
  });
  const most = Math.max(4, ...hours.map((hour) => hour.sent + hour.planned));
  const each = step(most);
  const steps = Math.ceil(most / each);
  const high = HEIGHT - TOP - BOTTOM;
  const y = (n) => TOP + high - (n / (each * steps)) * high;
  for (let n = 0; n <= steps; n += 1) {
    const at = y(n * each);
    svg.append(
      shape("line", { class: n ? "grid" : "axis", x1: LEFT, x2: width, y1: at, y2: at }),
      shape("text", { class: "tick", x: LEFT - 6, y: at + 4, "text-anchor": "end" },
        (n * each).toLocaleString("en-US")),
    );
  }
  const slot = (width - LEFT) / hours.length;
  const gap = Math.min(6, slot * 0.22);
  const every = slot >= 30 ? 2 : slot >= 16 ? 3 : 6;
  hours.forEach((hour, index) => {
    const x = LEFT + index * slot + gap / 2;
    const wide = slot - gap;
    const column = shape("g", {});
    column.append(shape("title", {},
      `${hour.label}: ${hour.sent} sent, ${hour.planned} possible`));
    if (hour.planned) {
      const top = y(hour.sent + hour.planned);
      column.append(shape("rect",
        { class: "planned", x, width: wide, y: top, height: y(hour.sent) - top, rx: 1.5 }));
    }
    if (hour.sent) {
      const top = y(hour.sent);
      column.append(shape("rect",
        { class: "sent", x, width: wide, y: top, height: y(0) - top, rx: 1.5 }));
    }
    // All of the column answers to the pointer, not the drawn part alone.
    column.append(shape("rect",
      { class: "catch", x: x - gap / 2, width: slot, y: TOP, height: high }));
    svg.append(column);
    if (index % every === 0) {
      svg.append(shape("text", {
        class: "tick", x: LEFT + index * slot, y: HEIGHT - 7,
        "text-anchor": "middle",
      }, hour.label));
    }
  });
  if (now >= 0 && now <= hours.length) {
    const x = LEFT + now * slot;
    svg.append(
      shape("line", { class: "now", x1: x, x2: x, y1: TOP - 4, y2: y(0) }),
      shape("text", {
        class: "now-word", x, y: TOP - 5,
        "text-anchor": now > hours.length - 1 ? "end" : now < 1 ? "start" : "middle",
      }, "now"),
    );
  }
  return svg;
}

/** How full an account's day is: sent and reserved of what the day permits. */
export function fill(sent, reserved, allowance) {
  const whole = Math.max(allowance, sent + reserved, 1);
  const svg = shape("svg", {
    class: "fill", role: "img", viewBox: "0 0 100 10", preserveAspectRatio: "none",
    "aria-label": `${sent} sent and ${reserved} reserved of ${allowance}`,
  });
  const sentWide = (sent / whole) * 100;
  const reservedWide = (reserved / whole) * 100;
  const full = sent + reserved >= allowance;
  svg.append(
    shape("rect", { class: "room", width: 100, height: 10 }),
    shape("rect", { class: full ? "sent full" : "sent", width: sentWide, height: 10 }),
    shape("rect", { class: "reserved", x: sentWide, width: reservedWide, height: 10 }),
  );
  return svg;
}
