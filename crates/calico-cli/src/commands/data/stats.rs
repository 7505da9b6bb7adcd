use calico_data::Dataset;
use calico_data::sources::Watch;
use calico_data::statistics::statistics;

use crate::args::StatsArgs;
use crate::failure::Failure;
use crate::output::Output;
use crate::stream;
use crate::watching::{StageBar, stop_flag};

/// Counts what a data set holds.
pub(crate) fn stats(args: &StatsArgs) -> Result<(), Failure> {
    if let Some(out) = &args.out {
        Output::check(out)?;
    }
    let dataset = Dataset::open(&args.data)?;
    let bar = StageBar::new();
    let progress = |done: u64, total: u64| bar.set("counting", done, total);
    let counted = statistics(&dataset, &Watch::new(&progress, stop_flag()));
    bar.finish();
    let statistics = counted?;
    if let Some(out) = &args.out {
        let output = Output::create(out)?;
        let json = stream::json(&statistics)?;
        output.folder.write("statistics.json", json.as_bytes())?;
        output.folder.write("statistics.md", statistics.to_markdown().as_bytes())?;
        statistics.write_charts(&output.folder)?;
        stream::tell(&format!("the tables and charts are in {}", out.display()));
    }
    if args.json {
        stream::print(&stream::json(&statistics)?)?;
    } else {
        stream::print(&statistics.to_text())?;
    }
    Ok(())
}
