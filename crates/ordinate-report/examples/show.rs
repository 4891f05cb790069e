//! Shows a verdict: `cargo run -p ordinate-report --example show -- verdict.json [report.html] [width]`.
//! Prints the summary, and writes the page where a second argument names it.

use std::error::Error;
use std::io::Write;

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let verdict = serde_json::from_slice(&std::fs::read(args.next().ok_or("name a verdict.json")?)?)?;
    if let Some(path) = args.next() {
        std::fs::write(path, ordinate_report::page(&verdict, None)?)?;
    }
    let width = args.next().map_or(Ok(ordinate_report::MAX_WIDTH), |width| width.parse())?;
    let style = ordinate_report::Style { colour: false, width };
    std::io::stdout().write_all(ordinate_report::summary(&verdict, style).as_bytes())?;
    Ok(())
}
