//! Draws what a pick costs: one picture for each group of the bench `pick`, into `docs/`.
//!
//! `cargo run --release --example plot`, after `cargo bench --bench pick`. It reads what criterion
//! left in the target directory and knows no more than is written there: neither which ways a
//! bench has, nor when or on which machine it ran. The same results give the same pictures. Colours
//! follow the reader's light or dark setting, so nothing but the file itself is needed to see it.
#![expect(clippy::float_arithmetic, reason = "places in a picture; nothing is decided by them")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::{env, fs, iter};

use serde_json::Value;

/// The groups: when a pick costs that, and what is asked for.
const GROUPS: [(&str, &str, &str); 3] = [
    ("spread", "sends are spread over the day", "90 % of all daily caps is asked for, evenly."),
    ("flat-out", "everybody sends at once", "Whoever may send does; then time jumps ahead."),
    ("weights", "weights change", "90 % of all caps, evenly; each tenth pick changes a weight."),
];
const LEGEND: &str = "mailrota: a whole turn, reserve and settle; floor: memory alone, no rule. \
                      Beside a name: its cost at the end of its line.";
const MAKES: &str = "cargo bench --bench pick";

/// Drawn thick and in front.
const OURS: &str = "mailrota";
/// No way to pick, but what memory alone costs; drawn dashed.
const FLOOR: &str = "floor";

const LEFT: f64 = 72.0;
const RIGHT: f64 = 660.0;
const TOP: f64 = 116.0;
const BOTTOM: f64 = 444.0;
/// From the end of a line to its name.
const REACH: f64 = 14.0;
/// What a letter of a name takes up, in the widest of the usual fonts.
const LETTER: f64 = 6.6;
const NAME_HEIGHT: f64 = 15.0;

/// Classes begin with `p-` so that they meet none of a page around.
const STYLE: &str = "\
.p{font:12px system-ui,-apple-system,'Segoe UI',sans-serif}
.p text{fill:#1d2733}.p .p-dim{fill:#5b6675}.p-paper{fill:#fff}
.p .p-head{font-size:17px;font-weight:600}.p-end{text-anchor:end}.p-mid{text-anchor:middle}
.p-grid{stroke:#e3e8ee}.p-axis{stroke:#8593a3}.p polyline{fill:none;stroke-width:1.5}
.p polyline,.p-axis{stroke-linejoin:round;stroke-linecap:round}.p-lead{stroke-width:1}
.p polyline.p-halo{stroke:#fff;stroke-width:8}.p polyline.p-ours{stroke-width:4}
.p .p-name{stroke:#fff;stroke-width:4;stroke-linejoin:round;paint-order:stroke}
.p .p-name.p-ours{font-size:13px;font-weight:700}.p tspan{font-size:12px;font-weight:400}
.p polyline.p-floor{stroke-dasharray:2 5}
";
/// What is different on dark paper, colours of lines apart.
const STYLE_DARK: &str = "\
.p text{fill:#e4e9f0}.p .p-dim{fill:#a3afbf}.p-paper{fill:#12171e}.p-grid{stroke:#26303c}
.p-axis{stroke:#6a7889}.p polyline.p-halo,.p .p-name{stroke:#12171e}
";
/// The first two are ours and the floor's.
const COLOURS: [&str; 11] = [
    "#1f5fd0", "#5b6675", "#b4531a", "#0c7c7c", "#7a4fc9", "#b0307a", "#4f7a12", "#8a6a00",
    "#b3261e", "#1f7a45", "#7d5a46",
];
const COLOURS_DARK: [&str; 11] = [
    "#6aa2ff", "#a3afbf", "#e59a63", "#4fc4c4", "#b39af2", "#e582b8", "#a5cc5c", "#d9b84a",
    "#ff8a80", "#5fd08d", "#c9a48f",
];

/// Nanoseconds for each pick, by way and size of the pool.
type Costs = BTreeMap<String, BTreeMap<u32, f64>>;

fn main() -> ExitCode {
    if let Err(why) = draw_all() {
        eprintln!("{why}");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

/// Writes every picture, or none when results are missing.
fn draw_all() -> Result<(), String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    let results = target.join("criterion");
    let mut groups = Vec::new();
    let mut missing = Vec::new();
    for (group, ..) in GROUPS {
        let costs = read_group(&results.join(group))?;
        missing.extend(holes(&costs).into_iter().map(|hole| format!("  {group}/{hole}")));
        groups.push(costs);
    }
    if !missing.is_empty() {
        let (place, rows) = (results.display(), missing.join("\n"));
        return Err(format!("no results in {place} for\n{rows}\n`{MAKES}` makes them"));
    }
    // A way has the same colour in every picture, also where another one is left out.
    let others = groups.iter().flatten().map(|(way, _)| way.as_str());
    let others: BTreeSet<_> = others.filter(|way| ![OURS, FLOOR].contains(way)).collect();
    let ways: Vec<_> = [OURS, FLOOR].into_iter().chain(others).collect();
    for ((group, when, asked), costs) in GROUPS.into_iter().zip(&groups) {
        let path = root.join("docs").join(format!("{group}.svg"));
        let picture = draw(when, asked, costs, &ways);
        fs::write(&path, picture).map_err(|error| format!("{}: {error}", path.display()))?;
        println!("wrote {}", path.display());
    }
    Ok(())
}

/// Reads the rows of a group, at `way/size/new`; one that was never made is empty.
fn read_group(folder: &Path) -> Result<Costs, String> {
    let mut costs = Costs::new();
    for row in folders(folder).iter().flat_map(|way| folders(way)) {
        let new = row.join("new");
        if !new.is_dir() {
            continue;
        }
        let (what, times) = (new.join("benchmark.json"), new.join("estimates.json"));
        let way = field(&what, "/function_id", |value| value.as_str().map(str::to_owned))?;
        let pool = field(&what, "/value_str", |value| value.as_str()?.parse().ok())?;
        let picks = number(&what, "/throughput/Elements")?;
        let cost = number(&times, "/median/point_estimate")? / picks;
        costs.entry(way).or_default().insert(pool, cost);
    }
    Ok(costs)
}

fn folders(of: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(of).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).filter(|path| path.is_dir()).collect()
}

/// A cost or a count: a logarithm is taken of it.
fn number(path: &Path, pointer: &str) -> Result<f64, String> {
    field(path, pointer, |value| value.as_f64().filter(|number| *number > 0.0))
}

fn field<T>(path: &Path, at: &str, take: fn(&Value) -> Option<T>) -> Result<T, String> {
    let place = path.display();
    let bytes = fs::read(path).map_err(|error| format!("{place}: {error}"))?;
    let json: Value = serde_json::from_slice(&bytes).map_err(|why| format!("{place}: {why}"))?;
    json.pointer(at).and_then(take).ok_or_else(|| format!("{place}: {at} cannot be used"))
}

/// Rows that must be somewhere: ours, and for each way all sizes below its largest.
fn holes(costs: &Costs) -> Vec<String> {
    let sizes: BTreeSet<_> = costs.values().flat_map(BTreeMap::keys).collect();
    let mut holes = Vec::new();
    if !costs.contains_key(OURS) {
        holes.push(OURS.to_owned());
    }
    for (way, row) in costs {
        let most = row.keys().last().copied();
        let absent = sizes.iter().filter(|size| most > Some(***size) && !row.contains_key(*size));
        holes.extend(absent.map(|size| format!("{way}/{size}")));
    }
    holes
}

/// From sizes and costs to places, both by their logarithms.
struct Frame {
    sizes: [f64; 2],
    /// Whole powers of ten.
    costs: [f64; 2],
}

impl Frame {
    fn new(costs: &Costs) -> Self {
        let bounds = |of: Vec<f64>| {
            let low = of.iter().copied().fold(f64::INFINITY, f64::min);
            [low, of.into_iter().fold(f64::NEG_INFINITY, f64::max)]
        };
        let rows = || costs.values().flatten();
        let [low, high] = bounds(rows().map(|(_, cost)| cost.log10()).collect());
        let sizes = bounds(rows().map(|(size, _)| f64::from(*size).log10()).collect());
        Self { sizes, costs: [low.floor(), high.ceil()] }
    }

    fn at(&self, size: u32, cost: f64) -> [f64; 2] {
        let part = |of: f64, [low, high]: [f64; 2]| (of.log10() - low) / (high - low).max(1.0);
        let x = LEFT + (RIGHT - LEFT) * part(size.into(), self.sizes);
        [x, BOTTOM - (BOTTOM - TOP) * part(cost, self.costs)]
    }
}

/// A way as a line, and where its name stands.
struct Line<'a> {
    way: &'a str,
    colour: usize,
    points: Vec<[f64; 2]>,
    last: f64,
    name_at: f64,
}

impl Line<'_> {
    fn end(&self) -> [f64; 2] {
        self.points.last().copied().unwrap_or([LEFT, BOTTOM])
    }

    /// To the left and to the right of the name.
    fn name_width(&self) -> [f64; 2] {
        let text = format!("{} {}", self.way, time(self.last));
        let letters = text.chars().map(|_| LETTER);
        let left = self.end()[0] + REACH;
        [left, left + letters.sum::<f64>() * if self.way == OURS { 1.1 } else { 1.0 }]
    }

    /// Whether a name within `width` and around `y` lies on the line.
    fn is_under(&self, [left, right]: [f64; 2], y: f64) -> bool {
        self.points.windows(2).any(|pair| {
            let ([x0, y0], [x1, y1]) = (pair[0], pair[1]);
            let (from, to) = (x0.max(left), x1.min(right));
            let [above, below] = [from, to].map(|x| y0 + (y1 - y0) * (x - x0) / (x1 - x0) - y);
            let (near, far) = (above.abs().min(below.abs()), above * below);
            from <= to && (near < NAME_HEIGHT / 2.0 || far < 0.0)
        })
    }

    fn name_is_on(&self, [left, right]: [f64; 2], y: f64) -> bool {
        let [from, to] = self.name_width();
        from < right && left < to && (self.name_at - y).abs() < NAME_HEIGHT
    }
}

fn draw(when: &str, asked: &str, costs: &Costs, ways: &[&str]) -> String {
    let frame = Frame::new(costs);
    let mut lines: Vec<_> = ways
        .iter()
        .zip(0..)
        .filter_map(|(way, place)| {
            let row = costs.get(*way)?;
            let colour = if place < 2 { place } else { 2 + (place - 2) % (COLOURS.len() - 2) };
            let points = row.iter().map(|(size, cost)| frame.at(*size, *cost)).collect();
            let last = *row.values().last()?;
            Some(Line { way, colour, points, last, name_at: 0.0 })
        })
        .collect();
    place_names(&mut lines);
    let title = format!("What a pick costs when {when}");
    let mut out = vec![
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"p\" width=\"800\" height=\"500\" \
             viewBox=\"0 0 800 500\" role=\"img\" aria-label=\"{title}\">"
        ),
        style(),
        "<rect class=\"p-paper\" width=\"800\" height=\"500\" rx=\"6\"/>".to_owned(),
        words("p-head", 20.0, 32.0, &title),
        words("p-dim", 20.0, 52.0, asked),
        words("p-dim", 20.0, 70.0, LEGEND),
        words("", 20.0, 102.0, "time per pick, median (logarithmic)"),
        words("p-mid", f64::midpoint(LEFT, RIGHT), 488.0, "accounts in the pool (logarithmic)"),
    ];
    out.extend(axes(&frame, costs));
    // What is drawn later lies in front.
    lines.iter().rev().for_each(|line| out.extend(polyline(line)));
    lines.iter().rev().for_each(|line| out.extend(name(line)));
    out.push("</svg>\n".to_owned());
    out.join("\n")
}

fn style() -> String {
    let rule = |(place, colour)| {
        format!(".p .p-{place}{{stroke:{colour}}}.p .p-t{place},.p-d{place}{{fill:{colour}}}\n")
    };
    let [light, dark]: [String; 2] =
        [COLOURS, COLOURS_DARK].map(|colours| (0..).zip(colours).map(rule).collect());
    let dark = format!("@media(prefers-color-scheme:dark){{\n{STYLE_DARK}{dark}}}");
    format!("<style>\n{STYLE}{light}{dark}\n</style>")
}

fn axes(frame: &Frame, costs: &Costs) -> Vec<String> {
    let [low, high] = frame.costs;
    let mut out = Vec::new();
    let powers = iter::successors(Some(low), |power| (*power < high).then_some(power + 1.0));
    for cost in powers.map(|power| 10_f64.powf(power)) {
        let y = frame.at(1, cost)[1];
        let class = if y >= BOTTOM { "p-axis" } else { "p-grid" };
        out.push(stroke(class, [LEFT, y], [RIGHT, y]));
        let tick = time(cost).replace(".0", "");
        out.push(words("p-dim p-end", LEFT - 8.0, y + 4.0, &tick));
    }
    let sizes: BTreeSet<_> = costs.values().flat_map(BTreeMap::keys).collect();
    for size in sizes {
        let x = frame.at(*size, 1.0)[0];
        out.push(stroke("p-grid", [x, TOP], [x, BOTTOM]));
        out.push(stroke("p-axis", [x, BOTTOM], [x, BOTTOM + 5.0]));
        out.push(words("p-dim p-mid", x, BOTTOM + 20.0, &grouped(*size)));
    }
    out
}

fn polyline(line: &Line<'_>) -> Vec<String> {
    let points: Vec<_> = line.points.iter().map(|[x, y]| format!("{x:.1},{y:.1}")).collect();
    let (points, colour) = (points.join(" "), line.colour);
    let one = |class: &str| format!("<polyline class=\"{class}\" points=\"{points}\"/>");
    let (mut out, radius) = match line.way {
        OURS => (vec![one("p-halo"), one(&format!("p-{colour} p-ours"))], 5.0),
        FLOOR => (vec![one(&format!("p-{colour} p-floor"))], 2.5),
        _ => (vec![one(&format!("p-{colour}"))], 2.5),
    };
    out.extend(line.points.iter().map(|[x, y]| {
        format!("<circle class=\"p-d{colour}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{radius}\"/>")
    }));
    out
}

/// The name and the last cost, tied to the end of the line.
fn name(line: &Line<'_>) -> [String; 2] {
    let ([x, y], colour, to) = (line.end(), line.colour, line.name_at);
    let lead = stroke(&format!("p-lead p-{colour}"), [x, y], [x + REACH - 3.0, to]);
    let ours = if line.way == OURS { " p-ours" } else { "" };
    let (x, y, way, cost) = (x + REACH, to + 4.0, escaped(line.way), time(line.last));
    let cost = format!("<tspan class=\"p-dim\" dx=\"5\">{cost}</tspan>");
    let class = format!("p-name p-t{colour}{ours}");
    [lead, format!("<text class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\">{way}{cost}</text>")]
}

/// Names at the right edge keep the order of their lines; the others go to the next free place.
fn place_names(lines: &mut [Line<'_>]) {
    let mut at_edge: Vec<_> =
        (0..lines.len()).filter(|n| lines[*n].end()[0] > RIGHT - 1.0).collect();
    at_edge.sort_by(|a, b| lines[*a].end()[1].total_cmp(&lines[*b].end()[1]));
    let wanted: Vec<_> = at_edge.iter().map(|n| lines[*n].end()[1]).collect();
    for (n, y) in at_edge.iter().zip(apart(&wanted)) {
        lines[*n].name_at = y;
    }
    let mut placed = at_edge;
    for n in 0..lines.len() {
        if placed.contains(&n) {
            continue;
        }
        let ([_, end], width) = (lines[n].end(), lines[n].name_width());
        let steps = iter::successors(Some(0.0), |step| Some(step + 2.0));
        let around = steps.take(200).flat_map(|step| [end - step, end + step]);
        let inside = around.filter(|y| (TOP..BOTTOM - NAME_HEIGHT).contains(y));
        let free: Vec<_> = inside
            .filter(|y| !placed.iter().any(|other| lines[*other].name_is_on(width, *y)))
            .collect();
        let bare = free.iter().find(|y| !lines.iter().any(|line| line.is_under(width, **y)));
        lines[n].name_at = bare.or(free.first()).copied().unwrap_or(end);
        placed.push(n);
    }
}

/// The least moved places, in the same order, of which none is nearer to the next than a name is
/// high. Places that would touch are moved together, around their middle.
fn apart(wanted: &[f64]) -> Vec<f64> {
    let mut blocks: Vec<(f64, f64, usize)> = Vec::new();
    let heights = iter::successors(Some(0.0), |height| Some(height + NAME_HEIGHT));
    for (y, height) in wanted.iter().zip(heights.clone()) {
        let mut block = (y - height, 1.0, 1);
        while let Some((sum, count, names)) = blocks.pop() {
            if sum / count <= block.0 / block.1 {
                blocks.push((sum, count, names));
                break;
            }
            block = (sum + block.0, count + block.1, names + block.2);
        }
        blocks.push(block);
    }
    let taken: f64 = wanted.iter().skip(1).map(|_| NAME_HEIGHT).sum();
    let places = blocks.into_iter().flat_map(|(sum, count, names)| {
        iter::repeat_n((sum / count).min(BOTTOM - taken).max(TOP), names)
    });
    places.zip(heights).map(|(place, height)| place + height).collect()
}

/// Two digits or three, in the unit that makes it so.
fn time(ns: f64) -> String {
    let units = [("ns", 1.0), ("µs", 1e3), ("ms", 1e6), ("s", 1e9)];
    let fits = units.into_iter().find(|(_, of)| ns / of < 999.5);
    let (unit, of) = fits.unwrap_or(units[3]);
    let digits = usize::from(ns / of < 9.95);
    format!("{:.digits$} {unit}", ns / of)
}

fn grouped(size: u32) -> String {
    if size < 1_000 {
        return size.to_string();
    }
    format!("{},{:03}", grouped(size / 1_000), size % 1_000)
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

fn words(class: &str, x: f64, y: f64, text: &str) -> String {
    format!("<text class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\">{}</text>", escaped(text))
}

fn stroke(class: &str, [x1, y1]: [f64; 2], [x2, y2]: [f64; 2]) -> String {
    format!("<path class=\"{class}\" d=\"M{x1:.1} {y1:.1}L{x2:.1} {y2:.1}\"/>")
}
