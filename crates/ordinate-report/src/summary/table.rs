//! The table of candidates and policies.

use anstyle::Style as Ansi;
use comfy_table::{CellAlignment, ContentArrangement, LineStyle, Table, TableStyle};
use ordinate_core::verdict::{Estimate, Verdict};

use super::{DIM, GOOD};
use crate::figures;
use crate::text::{clean, shorten, width};

/// Columns between columns: the padding, and the separator that the table puts after it.
const GAP: u16 = 2;
const PADDING: u16 = GAP - 1;
/// Above this, a name is shortened even where there is room.
const LONGEST_NAME: usize = 40;
/// What is left of a name in the narrowest summary.
const SHORTEST_NAME: usize = 8;

struct Line {
    cells: [String; 7],
    quality: f64,
    ansi: Ansi,
}

/// The lines of the table, header first, each with how it is painted; none wider than `columns`.
pub(super) fn lines(verdict: &Verdict, columns: usize) -> Vec<(String, Ansi)> {
    let mut rows = rows(verdict);
    rows.sort_by(|a, b| b.quality.total_cmp(&a.quality));
    let header = ["", "name", "kind", "quality [interval]", "$/1k", "p95", "needs"].map(str::to_owned);
    let widest = |column: usize| {
        let cells = rows.iter().map(|row| &row.cells).chain([&header]);
        cells.map(|cells| cells.get(column).map_or(0, |cell| width(cell))).max().unwrap_or(0)
    };
    let others: usize = [0, 2, 3, 4, 5, 6].into_iter().map(widest).sum();
    let room = columns.saturating_sub(others + 6 * usize::from(GAP));
    let longest = room.clamp(SHORTEST_NAME, LONGEST_NAME);

    let mut table = Table::new();
    table
        .load_style(TableStyle::new().header_separator(LineStyle::none().fill('─').junction('─')))
        .set_content_arrangement(ContentArrangement::Disabled)
        .set_header(header);
    for row in &rows {
        let mut cells = row.cells.clone();
        let [_, name, ..] = &mut cells;
        *name = shorten(name, longest);
        table.add_row(cells);
    }
    for (i, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, if i == 6 { 0 } else { PADDING }));
        if matches!(i, 4 | 5) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let painted = [DIM, DIM].into_iter().chain(rows.iter().map(|row| row.ansi));
    table.lines().map(|line| line.trim_end().to_owned()).zip(painted).collect()
}

fn rows(verdict: &Verdict) -> Vec<Line> {
    let recommended = verdict.recommended.as_ref().map(|recommended| recommended.name.as_str());
    let row = |name: &str, kind: &str, quality: &Estimate, cost: String, p95, meets: bool| {
        let chosen = recommended == Some(name);
        let ansi = match (chosen, meets) {
            (true, _) => GOOD,
            (false, true) => Ansi::new(),
            (false, false) => DIM,
        };
        let cells = [
            if chosen { ">" } else { "" }.to_owned(),
            clean(name),
            kind.to_owned(),
            figures::estimate(quality),
            cost,
            figures::latency(p95),
            if meets { "met" } else { "missed" }.to_owned(),
        ];
        Line { cells, quality: quality.mean, ansi }
    };
    let candidates = verdict.candidates.iter().map(|c| {
        let cost = figures::price(c.cost_per_1k, c.not_priced);
        row(c.name.as_str(), c.lineage.as_str(), &c.quality, cost, c.p95_ms, c.meets_needs)
    });
    let policies = verdict.policies.iter().map(|p| {
        let cost = figures::price(p.cost_per_1k, p.not_priced);
        row(&p.name, p.kind.as_str(), &p.quality, cost, p.p95_ms, p.meets_needs)
    });
    // Lines to hold the others against, which cost nothing and need nothing.
    let floors = verdict.basis.floors.iter().map(|floor| {
        let mut cells: [String; 7] = Default::default();
        cells[1] = clean(&floor.name);
        cells[2] = "reference".to_owned();
        cells[3] = figures::quality(floor.quality);
        Line { cells, quality: floor.quality, ansi: DIM }
    });
    policies.chain(candidates).chain(floors).collect()
}
