//! The built-in model in fewer bits. It shows that the code is right; of real weights it says
//! nothing.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::ops::ControlFlow;
use std::path::Path;

use calico_model::quantize::{Quantization, quantize};
use calico_model::{ModelFolder, Photograph, Question, SegmentOptions, Segmenter};
use calico_nn::quantized::MatrixFormat;
use calico_nn::weights::checkpoint::StoredForm;
use calico_result::Segmentation;

const PAIRS: [[&str; 2]; 2] =
    [["bicycles-1.jpg", "bicycles-2.jpg"], ["lanterns-1.jpg", "lanterns-2.jpg"]];

fn photographs(segmenter: &Segmenter, pair: [&str; 2]) -> Vec<Photograph> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/drawn");
    pair.map(|name| segmenter.photograph(folder.join(name)).unwrap()).into()
}

fn answered(segmenter: &Segmenter, pair: [&str; 2], question: &Question) -> Segmentation {
    let options = SegmentOptions::default();
    segmenter.segment(&photographs(segmenter, pair), question, &options, &mut ()).unwrap()
}

/// The mean overlap of all masks with those of the whole model, for its own answers; no mask is
/// empty that was not empty there.
fn mean_overlap(whole: &Segmenter, small: &Segmenter) -> f64 {
    let mut overlaps = Vec::new();
    for pair in PAIRS {
        for answer in answered(whole, pair, &Question::AllTasks).answers {
            let question = Question::Answer(answer.text.clone());
            let results = [whole, small].map(|segmenter| answered(segmenter, pair, &question));
            assert_eq!(results[0].segments().count(), results[1].segments().count());
            for (a, b) in results[0].segments().zip(results[1].segments()) {
                let (a, b) = (a.decode_mask().unwrap(), b.decode_mask().unwrap());
                let pairs = || a.bits().iter().zip(b.bits());
                let both = pairs().filter(|(a, b)| **a && **b).count();
                let either = pairs().filter(|(a, b)| **a || **b).count();
                assert!(a.area() == 0 || b.area() > 0, "a mask became empty");
                overlaps.push(if either == 0 { 1.0 } else { both as f64 / either as f64 });
            }
        }
    }
    assert!(overlaps.len() > 10, "{} masks are too few to compare", overlaps.len());
    overlaps.iter().sum::<f64>() / overlaps.len() as f64
}

#[test]
fn fewer_bits_draw_nearly_the_same_masks() {
    let folder = tempfile::tempdir().unwrap();
    calico_mini::write(&folder.path().join("mini")).unwrap();
    let mini = ModelFolder::open(&folder.path().join("mini")).unwrap();
    let whole = calico_mini::segmenter().unwrap();
    for (llm, least) in [(MatrixFormat::Q8Blocks, 0.97), (MatrixFormat::Q4K, 0.93)] {
        let out = folder.path().join(llm.suffix());
        let wanted = Quantization { llm: Some(llm), vision: Some(MatrixFormat::Q8) };
        let report = quantize(&mini, wanted, &out, |_| ControlFlow::Continue(())).unwrap();
        assert_eq!(report.fallbacks, []);
        let config = &mini.config.llm;
        // Seven in every layer, and the head.
        let matrices = 7 * config.depth as u64 + 1;
        assert_eq!(report.forms[&StoredForm::Quantized(llm)].tensors, matrices);
        let overlap = mean_overlap(&whole, &Segmenter::open(&out).unwrap());
        assert!(overlap >= least, "{llm}: {overlap}");
    }
}
