use calico_data::{Dataset, Split};
use calico_language::learn_tokenizer;
use calico_model::ModelError;
use calico_model::prompt::Template;
use calico_result::create_output_folder;

use crate::args::TokenizerArgs;
use crate::failure::Failure;
use crate::stream;

/// Learns a tokenizer from the prompts and answers of the train split.
pub(crate) fn tokenizer(args: &TokenizerArgs) -> Result<(), Failure> {
    let dataset = Dataset::open(&args.data)?;
    let samples = dataset.samples(Split::Train)?.collect::<Result<Vec<_>, _>>()?;
    let count = samples.len();
    let texts = samples.into_iter().map(|sample| {
        format!("{} {}", Template::default().render(&sample.question), sample.answer)
    });
    let json = learn_tokenizer(texts, args.size as usize).map_err(ModelError::from)?;
    let name = args.out.file_name().and_then(|name| name.to_str());
    let Some(name) = name else {
        let found = args.out.display();
        return Err(Failure::bad_input(format!("found {found} as --out, expected a file name")));
    };
    let folder = args.out.parent().unwrap_or(std::path::Path::new(""));
    create_output_folder(folder)?.write(name, json.as_bytes())?;
    stream::print(&format!("{} tokens learnt from {count} samples\n", args.size))?;
    Ok(())
}
