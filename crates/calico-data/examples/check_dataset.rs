//! Opens, validates, counts and loads a data set, and says how long each took: a test of speed.
//!
//! ```sh
//! cargo run --release -p calico-data --example check_dataset -- FOLDER [CHARTS]
//! ```
//!
//! With `CHARTS`, the charts of its statistics are written into that folder.
#![expect(clippy::print_stdout, reason = "a program whose purpose is to print")]

use std::env;
use std::error::Error;
use std::path::Path;
use std::time::Instant;

use calico_data::loader::{Check, LoaderOptions, SampleStore, Selection, Shard};
use calico_data::sources::Watch;
use calico_data::statistics::statistics;
use calico_data::validate::{ValidateOptions, validate};
use calico_data::{Dataset, Split};
use calico_result::create_output_folder;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let (folder, charts) = arguments.split_first().ok_or("expected FOLDER and perhaps CHARTS")?;
    let dataset = Dataset::open(Path::new(folder))?;

    let began = Instant::now();
    let report = validate(&dataset, &ValidateOptions::default(), &Watch::unwatched())?;
    println!("{}validated in {:.1?}\n", report.to_text(), began.elapsed());

    let began = Instant::now();
    let counted = statistics(&dataset, &Watch::unwatched())?;
    println!("{}counted in {:.1?}", counted.to_text(), began.elapsed());
    if let Some(charts) = charts.first() {
        counted.write_charts(&create_output_folder(Path::new(charts))?)?;
    }

    let began = Instant::now();
    let store = SampleStore::open(&dataset, Split::Train, &Selection::default())?;
    println!("{} samples ready to load in {:.1?}", store.len(), began.elapsed());
    for (count, check) in [(1, Check::References), (1, Check::Masks), (8, Check::Masks)] {
        let shard = Shard { index: 0, count };
        let options = LoaderOptions { shuffle: Some(1), shard, check, ..LoaderOptions::default() };
        let (began, mut loaded) = (Instant::now(), 0_u64);
        for item in store.loader(options)? {
            item?;
            loaded += 1;
        }
        let seconds = began.elapsed().as_secs_f64();
        let rate = loaded as f64 / seconds;
        println!("shard 1 of {count}, {check:?}: {loaded} in {seconds:.1} s, {rate:.0} a second");
    }
    Ok(())
}
