use std::fmt::Write as _;

use calico_data::Split;
use calico_data::build::Destination;
use calico_synth::{SynthOptions, SynthWatch, synthesize};

use crate::args::SynthArgs;
use crate::failure::Failure;
use crate::stream;
use crate::watching::{StageBar, stop_flag};

/// Draws a data set.
pub(crate) fn synth(args: &SynthArgs) -> Result<(), Failure> {
    let split = Split::from(args.split);
    let mut groups = vec![(split, args.pairs)];
    if let Some(pairs) = args.dev_pairs {
        if split == Split::Dev {
            return Err(Failure::bad_input(
                "found --dev-pairs with --split dev: give the number once, as --pairs",
            ));
        }
        groups.push((Split::Dev, pairs));
    }
    let options = SynthOptions {
        seed: args.seed,
        groups,
        size: args.size,
        group_size: args.group_size,
        cue: args.cue,
    };
    // Before a folder is made for it.
    options.check()?;
    let destination = Destination::new(&args.out)?;
    let bar = StageBar::new();
    let progress = |done, total| bar.set("drawing", done, total);
    let watch = SynthWatch { progress: &progress, stop: stop_flag() };
    let drawn = synthesize(&options, &destination, &watch);
    bar.finish();
    let record = drawn?;
    let mut text = String::new();
    for (split, counts) in &record.splits {
        let _ = writeln!(
            text,
            "{split}: {} samples of {} pictures with {} masks",
            counts.samples, counts.images, counts.regions
        );
    }
    let _ = writeln!(text, "written to {}", destination.path().display());
    stream::print(&text)?;
    Ok(())
}
